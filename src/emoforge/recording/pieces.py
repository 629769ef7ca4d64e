"""A long recording cut into pieces: speech to convert, a sentence or a few at a time, and silence to copy.

A converter hears clips of a few seconds when it learns, so it is given clips of a few seconds. Cuts lie in pauses;
speech without one is cut at its quietest instant. Pieces reach a little into each other, and are crossfaded there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import uniform_filter1d

from emoforge.dataset.levels import frame_levels_db

HOP_S = 0.01
#: How far a piece reaches into its neighbours on either side.
REACH_S = 0.01

_SHORTEST_S = 4.0
_LONGEST_S = 15.0
_MIN_PAUSE_S = 0.5
_LONG_PAUSE_S = 2.0
_MARGIN_S = 0.05
_SILENCE_DB = 40.0
_SPEECH_RANGE_DB = 30.0
_ABOVE_FLOOR_DB = 6.0
_SPEECH_OVER_NOISE_DB = 20.0


@dataclass(frozen=True)
class Piece:
    """Frames *start* to *stop* of a recording, every ``HOP_S`` seconds, and whether anybody speaks in them."""

    start: int
    stop: int
    speech: bool


def pause_frames(signal: np.ndarray, sampling_rate: int) -> np.ndarray:
    """Return (n_frames,) bool, true in pauses of half a second and more and in outer silence, every ``HOP_S`` seconds.

    A pause lies 40 dB below the loud frames, or within 6 dB of a noise floor that is at least 20 dB below them;
    50 ms on either side still count as speech, as they do when clips are trimmed for training.

    Args:
        signal: (n_samples,) float32, at least one sample.
        sampling_rate: in Hz.
    """
    levels_db = frame_levels_db(signal, sampling_rate, hop_s=HOP_S)
    floor_db = np.percentile(levels_db, 5)
    # Where hardly anybody speaks, hardly any frame is loud: only frames near the loudest say how loud speech is.
    loud_db = np.percentile(levels_db[levels_db > levels_db.max() - _SPEECH_RANGE_DB], 95)
    threshold_db = max(loud_db - _SILENCE_DB, min(floor_db + _ABOVE_FLOOR_DB, loud_db - _SPEECH_OVER_NOISE_DB))
    quiet = levels_db <= threshold_db
    pauses = np.zeros(len(quiet), dtype=bool)
    margin, shortest = round(_MARGIN_S / HOP_S), round(_MIN_PAUSE_S / HOP_S)
    for start, stop in _runs(quiet):
        first, last = start == 0, stop == len(quiet)
        if first or last or stop - start >= shortest:
            pauses[start + (not first) * margin : max(stop - (not last) * margin, 0)] = True
    return pauses


def cut(signal: np.ndarray, sampling_rate: int, pauses: np.ndarray) -> list[Piece]:
    """Return the pieces of *signal*, one after the other and without gaps.

    Args:
        signal: (n_samples,) float32, at least one sample.
        sampling_rate: in Hz.
        pauses: what :func:`pause_frames` returned for *signal*.
    """
    # A fifth of a second is as long as a syllable: quiet inside one is no place to cut.
    levels_db = uniform_filter1d(frame_levels_db(signal, sampling_rate, hop_s=HOP_S), round(0.2 / HOP_S))
    spans: list[tuple[int, int]] = []
    for start, stop in _runs(~pauses):
        if spans and _belong_together(spans[-1], (start, stop)):
            spans[-1] = spans[-1][0], stop
        else:
            spans.append((start, stop))
    pieces, position = [], 0
    longest = round(_LONGEST_S / HOP_S)
    for start, stop in spans:
        pieces += [Piece(i, min(i + longest, start), speech=False) for i in range(position, start, longest)]
        edges = [start, *_quietest(levels_db, start, stop), stop]
        pieces += [Piece(first, last, speech=True) for first, last in pairwise(edges)]
        position = stop
    end = len(pauses)
    return pieces + [Piece(i, min(i + longest, end), speech=False) for i in range(position, end, longest)]


def crossfaded(parts: Iterable[np.ndarray], overlap: int) -> Iterator[np.ndarray]:
    """Yield the signal whose consecutive *parts* (n_samples, n_channels) share *overlap* samples, part by part."""
    rise = ((np.arange(overlap, dtype=np.float32) + 0.5) / max(overlap, 1))[:, None]
    tail = None
    for part in parts:
        if tail is not None:
            part = np.concatenate([tail * (1 - rise) + part[:overlap] * rise, part[overlap:]])
        yield part[: len(part) - overlap]
        tail = part[len(part) - overlap :]
    if tail is not None:
        yield tail


def _belong_together(before: tuple[int, int], after: tuple[int, int]) -> bool:
    short = before[1] - before[0] < _SHORTEST_S / HOP_S or after[1] - after[0] < _SHORTEST_S / HOP_S
    return short and after[0] - before[1] < _LONG_PAUSE_S / HOP_S and after[1] - before[0] <= _LONGEST_S / HOP_S


def _quietest(levels_db: np.ndarray, start: int, stop: int) -> list[int]:
    """Frames that cut speech from *start* to *stop* into parts of 4 to 15 seconds."""
    shortest, longest = round(_SHORTEST_S / HOP_S), round(_LONGEST_S / HOP_S)
    cuts = []
    while stop - start > longest:
        low, high = start + shortest, min(start + longest, stop - shortest)
        start = low + int(levels_db[low:high].argmin())
        cuts.append(start)
    return cuts


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Start and stop of every stretch of true *flags*."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
