"""Whether a converted clip still says what its source says, in any language.

Two clips of the same words are alike once one is bent in time. So cepstra of both (8 coefficients and their slopes,
each normalised over its clip, pauses left out) are aligned by dynamic time warping (Sakoe and Chiba 1978, symmetric
steps, at a higher cost off the diagonal), and every frame gets the cosine distance to its partner, averaged over the
0.18 s around it: about a syllable. A frame counts as unmatched by 0 up to a distance of .5 and by 1 from a distance of
1 (unrelated frames), linear between. The share of unmatched frames is taken along the source, where missing words show,
and along the converted clip, where extra words show, and the larger of the two, over the .35 that another sentence
reaches by chance, is the error.

Chosen by measurement. Area under the ROC curve for telling changed words from the same words said by the same speaker
with another emotion, scrambles made of the source itself and of the emotional clip, against the edit distance between
phones that pocketsphinx's en-US model hears (allphone). nEMO is Polish, 5 speakers, 50 pairs for ours and 20 for
phones; RAVDESS is English, 24 pairs. The constants are the best of 270 settings on other clips: other nEMO sentences of
each speaker, RAVDESS's other statement and repetition. The speakers are the same, so a new voice may do a little worse.

================================================  ====  =======  =====  =======
against the same words, other emotion             ours           phones
------------------------------------------------  -------------  --------------
changed words                                     nEMO  RAVDESS  nEMO   RAVDESS
================================================  ====  =======  =====  =======
another sentence, other emotion                   1.00  1.00     .999   .736
another sentence, neutral                         1.00  1.00     1.00   .468
0.3 s pieces of the source shuffled               .995  1.00     .959   .735
0.3 s pieces of the emotional clip shuffled       1.00  1.00     .982   .943
a third of the source cut out                     .978  1.00     .080   .076
a third of the emotional clip cut out             .988  .960     .689   .588
last 0.45 s of the source replaced                .600  –        .039   –
last 0.45 s of the emotional clip replaced        .819  –        .656   –
================================================  ====  =======  =====  =======

RAVDESS has only two statements, which share half of their words. One short word in an otherwise untouched clip is the
limit of what shows. Copies (F0 up 4 or down 3 semitones, 1.3 times slower or faster, both, a third of the level, noise
at 30 dB) get at most .04, where phones give .07 to .46 on average. On one core a pair of clips of 3 s takes 12 ms, the
phones of one such clip about 190 ms.
"""

import numpy as np

from emoforge.base.errors import EmoforgeError
from emoforge.prosody.mel import band_weights

_HOP_S = 0.02
_WINDOW_S = 0.025
_N_BANDS = 24
_BAND_LIMITS_HZ = (100.0, 7000.0)
# Fewer coefficients than recognisers use: the higher ones follow voice quality and F0, which emotion changes.
_N_CEPSTRA = 8
# A slope is the difference over this many frames to either side.
_SLOPE_FRAMES = 2
# Frames this far below the clip's loud ones are pauses, which emotion moves about.
_PAUSE_DB = -35.0
_DYNAMIC_RANGE_DB = 60.0
_STEP_PENALTY = 0.3
_SYLLABLE_FRAMES = 9
_SAME_DISTANCE = 0.5
_OTHER_DISTANCE = 1.0
# The share of unmatched frames between two different sentences of a speaker, about the median of 50 nEMO pairs.
_OTHER_WORDS = 0.35
# Below this many frames of speech (0.1 s) there is nothing to align.
_MIN_FRAMES = 5


def content_error(source: np.ndarray, converted: np.ndarray, sampling_rate: int) -> float:
    """Return how far the words of two clips differ.

    Args:
        source: (n_samples,) the clip before conversion.
        converted: (m_samples,) the clip after it; its level, F0 and tempo may differ.
        sampling_rate: of both, in Hz, at least 14000 (bands reach up to 7 kHz).

    Returns:
        0 (same words) to 1 (as far apart as two sentences). The same words said with another emotion get about .1, in
        one clip of ten over .37. A converted clip with less than 0.1 s of sound gives 1. NaN when the source has less
        than that, or either holds values that are not finite.

    Raises:
        EmoforgeError: the sampling rate is too low.
    """
    if sampling_rate < 2 * _BAND_LIMITS_HZ[1]:
        raise EmoforgeError(
            f"content is compared up to {_BAND_LIMITS_HZ[1]:g} Hz, which {sampling_rate} Hz does not hold; "
            f"use clips at {2 * _BAND_LIMITS_HZ[1]:g} Hz or more"
        )
    source = np.asarray(source, dtype=np.float64)
    converted = np.asarray(converted, dtype=np.float64)
    if not (np.isfinite(source).all() and np.isfinite(converted).all()):
        return float("nan")
    source_frames = _cepstra(source, sampling_rate)
    converted_frames = _cepstra(converted, sampling_rate)
    if len(source_frames) < _MIN_FRAMES:
        return float("nan")
    if len(converted_frames) < _MIN_FRAMES:
        return 1.0
    distance = 1.0 - source_frames @ converted_frames.T
    along_source, along_converted = align(distance, step_penalty=_STEP_PENALTY)
    on_path = distance[along_source, along_converted]
    unmatched = max(_unmatched(along_source, on_path), _unmatched(along_converted, on_path))
    return min(1.0, unmatched / _OTHER_WORDS)


def align(distance: np.ndarray, *, step_penalty: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the cheapest monotonic path through a matrix of distances, from its first cell to its last.

    A diagonal step costs twice the distance of the cell it enters, a step along one axis that distance plus
    *step_penalty* (Sakoe and Chiba 1978, symmetric form, slope not constrained).

    Args:
        distance: (n, m), none negative, neither n nor m zero.
        step_penalty: extra cost of a step along one axis only.

    Returns:
        Row and column of every cell on the path, each (n_cells,) int.
    """
    n, m = distance.shape
    cost = np.full((n + 1, m + 1), np.inf)
    cost[0, 0] = 0.0
    came_by = np.zeros((n, m), dtype=np.int8)
    # Cells of one anti-diagonal do not depend on each other, so each is one vector operation.
    for diagonal in range(n + m - 1):
        i = np.arange(max(0, diagonal - m + 1), min(n, diagonal + 1))
        j = diagonal - i
        here = distance[i, j]
        choices = np.stack(
            [cost[i, j] + 2 * here, cost[i, j + 1] + here + step_penalty, cost[i + 1, j] + here + step_penalty]
        )
        best = choices.argmin(axis=0)
        came_by[i, j] = best
        cost[i + 1, j + 1] = choices[best, np.arange(len(i))]
    i, j = n - 1, m - 1
    path = [(i, j)]
    while i or j:
        step = came_by[i, j] if i and j else (1 if i else 2)
        i -= int(step in (0, 1))
        j -= int(step in (0, 2))
        path.append((i, j))
    rows, columns = np.array(path[::-1]).T
    return rows, columns


def _unmatched(along: np.ndarray, on_path: np.ndarray) -> float:
    """Share of one clip's frames without a partner, given each path cell's frame and distance."""
    each_frame = np.bincount(along, on_path) / np.bincount(along)
    padded = np.pad(each_frame, _SYLLABLE_FRAMES // 2, mode="edge")
    smooth = np.convolve(padded, np.full(_SYLLABLE_FRAMES, 1.0 / _SYLLABLE_FRAMES), mode="valid")
    return float(np.mean(np.clip((smooth - _SAME_DISTANCE) / (_OTHER_DISTANCE - _SAME_DISTANCE), 0.0, 1.0)))


def _cepstra(signal: np.ndarray, sampling_rate: int) -> np.ndarray:
    """Normalised cepstra of the frames with speech: (n_frames, 16), each row of unit length."""
    from scipy.fft import dct

    window_length = round(_WINDOW_S * sampling_rate)
    hop = round(_HOP_S * sampling_rate)
    if len(signal) < window_length or not signal.any():
        return np.empty((0, 2 * _N_CEPSTRA))
    padded = np.pad(signal, window_length // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window_length)[::hop]
    n_fft = 1 << (window_length - 1).bit_length()
    power = np.abs(np.fft.rfft(frames * np.hanning(window_length + 2)[1:-1], n_fft)) ** 2
    weights = band_weights(_N_BANDS, n_fft // 2 + 1, sampling_rate, *_BAND_LIMITS_HZ)
    tiny = np.finfo(np.float64).tiny
    bands_db = 10 * np.log10(power @ weights + tiny)
    bands_db = np.maximum(bands_db, bands_db.max() - _DYNAMIC_RANGE_DB)
    cepstra = dct(bands_db, norm="ortho", axis=1)[:, 1 : _N_CEPSTRA + 1]
    padded = np.pad(cepstra, ((_SLOPE_FRAMES, _SLOPE_FRAMES), (0, 0)), mode="edge")
    features = np.hstack([cepstra, padded[2 * _SLOPE_FRAMES :] - padded[: -2 * _SLOPE_FRAMES]])
    level_db = 10 * np.log10(power.sum(axis=1) + tiny)
    features = features[level_db > np.percentile(level_db, 98) + _PAUSE_DB]
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9)
