"""Alignment of two utterances of the same sentence by dynamic time warping.

Sakoe and Chiba, "Dynamic programming algorithm optimization for spoken word recognition", IEEE Transactions on
Acoustics, Speech, and Signal Processing 26 (1978), symmetric form with slope constraint P = 1.
"""

import numpy as np
import scipy.fft
from scipy.ndimage import gaussian_filter1d

_N_CEPSTRA = 16
_SPEECH_RANGE_DB = 35.0


def speech_span(energy_db: np.ndarray) -> slice:
    """Return the frames from the first to the last that is at most 35 dB below the loudest twentieth.

    Args:
        energy_db: (n_frames,) level in dB, at least one frame.
    """
    loud = np.flatnonzero(energy_db >= np.percentile(energy_db, 95) - _SPEECH_RANGE_DB)
    return slice(int(loud[0]), int(loud[-1]) + 1) if loud.size else slice(0, len(energy_db))


def alignment_features(envelope_db: np.ndarray) -> np.ndarray:
    """Return (n_frames, 32) cepstra of the envelope and their slopes, without what is constant in the utterance.

    The mean of every cepstrum belongs to voice and microphone, so it goes; the level stays among the cepstra as
    their first, at half weight, since loudness is what emotions change most.

    Args:
        envelope_db: (n_frames, n_bands) spectral envelope in dB.
    """
    cepstra = scipy.fft.dct(envelope_db, axis=1, norm="ortho")[:, :_N_CEPSTRA].astype(np.float32)
    cepstra -= cepstra.mean(axis=0)
    cepstra[:, 0] *= 0.5
    slopes = gaussian_filter1d(cepstra, 2.0, axis=0, order=1, mode="nearest") * 4
    return np.concatenate([cepstra, slopes], axis=1)


def align(features: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the frame of *other* that belongs to every frame of *features*.

    *other* is first stretched to the length of *features*, so the overall ratio of durations is free; around it the
    local rate may differ by a factor of two either way.

    Args:
        features: (n_frames, n_features).
        other: (n_other_frames, n_features).

    Returns:
        (n_frames,) float64, ascending, from 0 to ``n_other_frames - 1``.
    """
    n_frames, n_other = len(features), len(other)
    if n_frames < 3 or n_other < 3:
        return np.linspace(0, n_other - 1, n_frames)
    stretched = other[np.rint(np.linspace(0, n_other - 1, n_frames)).astype(int)]
    cost = (features**2).sum(1)[:, None] + (stretched**2).sum(1)[None] - 2 * features @ stretched.T
    cost = np.sqrt(np.maximum(cost, 0))
    step = _best_steps(cost)
    # Walk back from the end; every step consumes one or two frames of either side.
    i = j = n_frames - 1
    path = [(i, j)]
    while i > 0 and j > 0:
        di, dj = ((1, 1), (1, 2), (2, 1))[step[i, j]]
        i, j = i - di, j - dj
        path.append((i, j))
    i_path, j_path = np.array(path[::-1]).T
    position = np.interp(np.arange(n_frames), i_path, j_path)
    return position * ((n_other - 1) / (n_frames - 1))


def _best_steps(cost: np.ndarray) -> np.ndarray:
    """(n, n) index of the best last step into every cell: diagonal, two columns, or two rows."""
    n = len(cost)
    total = np.full((n, n), np.inf, dtype=np.float32)
    total[0, 0] = cost[0, 0]
    step = np.zeros((n, n), dtype=np.uint8)
    choices = np.full((3, n), np.inf, dtype=np.float32)
    for i in range(1, n):
        # Every step advances along the rows, so a whole row is computed at once.
        choices[0, 1:] = total[i - 1, :-1] + 2 * cost[i, 1:]
        choices[1, 2:] = total[i - 1, :-2] + 2 * cost[i, 1:-1] + cost[i, 2:]
        if i > 1:
            choices[2, 1:] = total[i - 2, :-1] + 2 * cost[i - 1, 1:] + cost[i, 1:]
        step[i] = choices.argmin(axis=0)
        total[i] = choices.min(axis=0)
    return step
