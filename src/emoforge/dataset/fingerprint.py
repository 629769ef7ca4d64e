"""Whether two clips are one recording: an acoustic fingerprint finds candidates, the waveforms decide.

The fingerprint is that of Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002: a word of 32
bits per frame, each bit the sign of how the energy difference of two neighbouring bands changes over time. It ignores
level and polarity and survives noise, trimming and re-encoding; two readings of one sentence share hardly a word of it.
"""

from collections.abc import Sequence

import numpy as np
import scipy.fft

#: At least this much alike (:func:`waveform_similarity`), two clips are taken for one recording. Copies at another
#: level, trimmed and with noise at -30 dB are above .999, other readings by the same speaker below .5.
SAME_RECORDING = 0.8

_WINDOW_S = 0.128
_HOP_S = 0.016
_LAG_FRAMES = 4
_BANDS_HZ = np.geomspace(250.0, 4000.0, 34)
_BIT_VALUES = (1 << np.arange(32, dtype=np.uint64)).astype(np.uint32)

# A word that many clips share says little: each occurrence is paired with the next ones only.
_NEIGHBOURS = 24
_MIN_SHARED_WORDS = 2


def fingerprint(signal: np.ndarray, sampling_rate: int) -> np.ndarray:
    """Return the fingerprint of *signal* (n_samples,) float32, sampled at *sampling_rate* Hz, 8 kHz or more.

    Returns:
        (n_frames,) uint32, a word every 16 ms; empty for less than 64 ms.
    """
    window, hop = round(_WINDOW_S * sampling_rate), round(_HOP_S * sampling_rate)
    padded = np.pad(signal.astype(np.float32, copy=False), (window // 2, window // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    power = np.abs(scipy.fft.rfft(frames * np.hanning(window).astype(np.float32), axis=1)) ** 2
    edges = np.searchsorted(scipy.fft.rfftfreq(window, 1 / sampling_rate), _BANDS_HZ)
    bands = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)
    slopes = bands[:, :-1] - bands[:, 1:]
    return ((slopes[_LAG_FRAMES:] > slopes[:-_LAG_FRAMES]) * _BIT_VALUES).sum(axis=1, dtype=np.uint32)


def candidate_pairs(fingerprints: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """Return the pairs of clips that share words at one distance in time, ordered, first < second.

    Args:
        fingerprints: (n_frames,) uint32 of every clip.
    """
    lengths = [len(words) for words in fingerprints]
    clip = np.repeat(np.arange(len(lengths)), lengths)
    frame = np.concatenate([np.arange(length) for length in lengths]) if lengths else np.empty(0, np.int64)
    word = np.concatenate(fingerprints) if lengths else np.empty(0, np.uint32)
    # Nothing changes in digital silence: its word is zero in every clip, and says nothing.
    heard = np.flatnonzero(word)
    order = heard[np.lexsort((clip[heard], word[heard]))]
    word, clip, frame = word[order], clip[order], frame[order]
    shared = [np.empty((0, 3), np.int64)]
    for step in range(1, min(_NEIGHBOURS, len(word) - 1) + 1):
        pairs = np.flatnonzero((word[:-step] == word[step:]) & (clip[:-step] != clip[step:]))
        # Frames of a copy need not lie where the original's do: two neighbouring distances count as one.
        distance = (frame[pairs] - frame[pairs + step]) // 2
        shared.append(np.column_stack([clip[pairs], clip[pairs + step], distance]))
    where, counts = np.unique(np.concatenate(shared), axis=0, return_counts=True)
    if not len(where):
        return []
    follows = np.zeros(len(where), bool)
    follows[1:] = (np.diff(where, axis=0) == [0, 0, 1]).all(axis=1)
    counts[1:] += np.where(follows[1:], counts[:-1], 0)
    return [tuple(pair) for pair in np.unique(where[counts >= _MIN_SHARED_WORDS][:, :2], axis=0).tolist()]


def waveform_similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Return the normalised cross-correlation of two signals (n_samples,) at their best alignment, 0..1.

    It is taken over the part that they share, and is 0 where they share less than half of the shorter one.
    """
    n_fft = scipy.fft.next_fast_len(len(first) + len(second), real=True)
    correlation = scipy.fft.irfft(scipy.fft.rfft(first, n_fft) * np.conj(scipy.fft.rfft(second, n_fft)), n_fft)
    shift = int(np.argmax(np.abs(correlation)))
    shift -= n_fft if shift > n_fft // 2 else 0
    shorter = min(len(first), len(second))
    first, second = first[max(0, shift) :], second[max(0, -shift) :]
    shared = min(len(first), len(second))
    if 2 * shared < shorter:
        return 0.0
    first, second = first[:shared].astype(np.float64), second[:shared].astype(np.float64)
    energy = np.sqrt((first @ first) * (second @ second))
    return float(np.abs(first @ second) / energy) if energy else 0.0
