"""Fundamental frequency on the frame grid of :class:`emoforge.prosody.tracks.Tracks`."""

from typing import Any

import numpy as np
import parselmouth
import pyworld

from emoforge.base.errors import EmoforgeError, unknown_value
from emoforge.prosody.frames import mono, n_frames

METHODS = ("praat", "dio", "harvest", "swift")

# Costs that made the fewest errors on voices of known F0 (bench/f0.py). The silence threshold stays at Praat's own
# value: those voices keep one level, so they cannot tell how quiet the end of a real sentence is.
_PRAAT_COSTS = {"octave_jump_cost": 0.7, "voiced_unvoiced_cost": 0.25}
_COARSE_HOP_S = 0.02
# The first pass decides the octave of the whole utterance, and a voice with jitter repeats itself better after two
# periods than after one: a higher cost of low candidates than Praat's 0.01 keeps it from halving.
_COARSE_OCTAVE_COST = 0.05
_FINE_OCTAVE_COST = 0.01
_SWIFT_CONFIDENCE = 0.5  # the threshold that swift-f0's authors recommend


def f0(
    signal: np.ndarray,
    sampling_rate: int,
    *,
    hop_s: float = 0.01,
    f0_min_hz: float = 60.0,
    f0_max_hz: float = 600.0,
    method: str = "praat",
) -> np.ndarray:
    """Return the fundamental frequency of each frame.

    Args:
        signal: (n_samples,) mono, float32 in [-1, 1].
        sampling_rate: in Hz.
        hop_s: distance between frames, in seconds; frame ``i`` is centred on ``i * hop_s``.
        f0_min_hz: lowest F0 to look for.
        f0_max_hz: highest F0 to look for.
        method: one of :data:`METHODS`:

            - ``"praat"``, the default: Praat's autocorrelation (Boersma 1993, "Accurate short-term analysis of the
              fundamental frequency"), twice: over the whole range on a coarse grid, then between 0.75 times the
              first and 1.5 times the third quartile of what was found (the idea of Hirst 2011, "The analysis by
              synthesis of speech melody", with a narrower ceiling).
            - ``"dio"``: WORLD's DIO, refined by StoneMask (Morise et al. 2009, 2016).
            - ``"harvest"``: WORLD's Harvest (Morise 2017), slow.
            - ``"swift"``: the network swift-f0 (Nieradzik 2025), an optional package.

    Returns:
        (n_frames,) float32 in Hz, NaN where unvoiced, ``n_frames = 1 + floor(n_samples / (hop_s * sampling_rate))``.

    Raises:
        AudioError: the signal is not mono, is empty or is not finite.
        EmoforgeError: an unknown method, a method whose package is missing, or an F0 range that does not rise.

    Why Praat: bench/f0.py, 192 s of voices of known F0 (clean, jitter, white noise, babble, telephone band), the run in
    bench/results.json:

    =======  ===========  ==========  =============  =============  ===========
    method   gross error  fine error  voicing error  onsets missed  x real time
    =======  ===========  ==========  =============  =============  ===========
    praat    .009         11.5 cents  .063           .111           129
    dio      .074         15.0 cents  .197           .258           71
    harvest  .023         14.1 cents  .166           .037           2.8
    swift    .009         7.0 cents   .055           .047           34
    =======  ===========  ==========  =============  =============  ===========

    Gross: off by more than 20 %. Onsets: frames of the first 50 ms of voicing that were called unvoiced. swift-f0 is
    the most accurate, at onsets above all, and the one to take where four times the time does not matter; Praat comes
    close without another package. Harvest finds every onset because it calls nearly half of what is unvoiced voiced.
    Praat's costs were chosen on voices of these seeds; on fresh ones it has .004, 11.6 cents, .070 and .139 (swift-f0
    .010, 7.0 cents, .051 and .041). Speeds are of one thread of one machine: what counts is
    their ratios.
    """
    signal = mono(signal)
    if method not in METHODS:
        raise EmoforgeError(unknown_value("F0 method", method, METHODS))
    if not 0.0 < f0_min_hz < f0_max_hz < sampling_rate / 2:
        raise EmoforgeError(
            f"f0_min_hz {f0_min_hz:g} and f0_max_hz {f0_max_hz:g} must rise between 0 and half the sampling rate "
            f"({sampling_rate / 2:g} Hz): choose a range such as 60 to 600"
        )
    count = n_frames(len(signal), sampling_rate, hop_s)
    if not signal.any():
        return np.full(count, np.nan, dtype=np.float32)
    if method == "praat":
        track = _praat(signal, sampling_rate, hop_s, f0_min_hz, f0_max_hz)
    elif method == "swift":
        track = _swift(signal, sampling_rate, count, hop_s, f0_min_hz, f0_max_hz)
    else:
        track = _world(signal, sampling_rate, count, hop_s, f0_min_hz, f0_max_hz, method)
    return np.where((track >= f0_min_hz) & (track <= f0_max_hz), track, np.nan).astype(np.float32)


def interpolated(f0_hz: np.ndarray, *, without_voice_hz: float = 200.0) -> np.ndarray:
    """Return *f0_hz* (n_frames,) as float64 without gaps: linear between voiced frames, constant beyond them.

    A track without a voiced frame becomes *without_voice_hz* throughout.
    """
    known = np.flatnonzero(~np.isnan(f0_hz))
    if len(known) == 0:
        return np.full(len(f0_hz), without_voice_hz)
    return np.interp(np.arange(len(f0_hz)), known, np.asarray(f0_hz, dtype=np.float64)[known])


def _praat(signal: np.ndarray, sampling_rate: int, hop_s: float, f0_min_hz: float, f0_max_hz: float) -> np.ndarray:
    coarse = _praat_once(
        signal, sampling_rate, max(hop_s, _COARSE_HOP_S), f0_min_hz, f0_max_hz, octave_cost=_COARSE_OCTAVE_COST
    )
    found = coarse[coarse > 0]
    if len(found) == 0:
        return _praat_once(signal, sampling_rate, hop_s, f0_min_hz, f0_max_hz)
    # A floor near the voice shortens the window (three periods of the floor), which follows fast movements and
    # onsets more closely; a ceiling near it leaves no room for the octave above.
    low, high = np.percentile(found, [25.0, 75.0])
    return _praat_once(signal, sampling_rate, hop_s, max(f0_min_hz, 0.75 * low), min(f0_max_hz, 1.5 * high))


def _praat_once(
    signal: np.ndarray,
    sampling_rate: int,
    hop_s: float,
    floor_hz: float,
    ceiling_hz: float,
    *,
    octave_cost: float = _FINE_OCTAVE_COST,
) -> np.ndarray:
    # Praat spreads as many frames as fit symmetrically over the sound and drops those whose window sticks out. With
    # this much silence on both sides the first one is centred on the first sample, and n_frames of them fit.
    count = n_frames(len(signal), sampling_rate, hop_s)
    half = int(np.ceil(1.5 / floor_hz * sampling_rate)) + 1
    padded = np.zeros(2 * half + 1 + round((count - 1) * hop_s * sampling_rate))
    inside = min(len(signal), len(padded) - half)
    padded[half : half + inside] = signal[:inside]
    pitch = parselmouth.Sound(padded, sampling_rate).to_pitch_ac(
        time_step=hop_s, pitch_floor=floor_hz, pitch_ceiling=ceiling_hz, octave_cost=octave_cost, **_PRAAT_COSTS
    )
    return pitch.selected_array["frequency"]


def _world(
    signal: np.ndarray,
    sampling_rate: int,
    count: int,
    hop_s: float,
    f0_min_hz: float,
    f0_max_hz: float,
    method: str,
) -> np.ndarray:
    options: dict[str, Any] = {"f0_floor": f0_min_hz, "f0_ceil": f0_max_hz, "frame_period": 1000.0 * hop_s}
    if method == "dio":
        track, times = pyworld.dio(signal, sampling_rate, **options)
        track = pyworld.stonemask(signal, track, times, sampling_rate)
    else:
        track, _ = pyworld.harvest(signal, sampling_rate, **options)
    return np.concatenate([track[:count], np.zeros(max(0, count - len(track)))])


def _swift(
    signal: np.ndarray, sampling_rate: int, count: int, hop_s: float, f0_min_hz: float, f0_max_hz: float
) -> np.ndarray:
    try:
        from swift_f0 import SwiftF0
    except ImportError as missing:
        raise EmoforgeError(
            "F0 method 'swift' needs the package swift-f0: run pip install swift-f0, or choose another of "
            + ", ".join(METHODS)
        ) from missing
    found = SwiftF0(threads=1).detect(signal.astype(np.float32), sampling_rate, fmin=f0_min_hz, fmax=f0_max_hz)
    times = np.arange(count) * hop_s
    confident = np.interp(times, found.timestamps, found.confidence) >= _SWIFT_CONFIDENCE
    return np.where(confident, np.interp(times, found.timestamps, found.pitch_hz), 0.0)
