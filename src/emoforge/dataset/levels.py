"""What is done to every recording before anything else: its outer silence is trimmed, its level is set."""

from collections.abc import Sequence

import numpy as np

#: Active level that a speaker's neutral clips are brought to. Shouted speech lies 20 to 25 dB above neutral speech,
#: so that it still fits below full scale.
NEUTRAL_LEVEL_DB = -32.0
_PEAK_LIMIT = 10 ** (-1 / 20)
_FLOOR_DB = -120.0


def frame_levels_db(signal: np.ndarray, sampling_rate: int, *, hop_s: float = 0.01) -> np.ndarray:
    """Return the RMS level of consecutive frames of *hop_s* seconds, (n_frames,) float64, in dB re full scale."""
    hop_length = max(1, round(hop_s * sampling_rate))
    n_frames = max(1, len(signal) // hop_length)
    frames = (
        np.resize(signal.astype(np.float64), (n_frames, hop_length))
        if len(signal) < hop_length
        else (signal[: n_frames * hop_length].astype(np.float64).reshape(n_frames, hop_length))
    )
    power = np.mean(frames**2, axis=1)
    return np.maximum(10 * np.log10(np.maximum(power, 1e-30)), _FLOOR_DB)


def trim_silence(
    signal: np.ndarray, sampling_rate: int, *, threshold_db: float = 40.0, margin_s: float = 0.05
) -> np.ndarray:
    """Return *signal* without its outer silence.

    Silence is what lies more than *threshold_db* below the clip's loud frames (their 95th percentile, so that one
    click does not decide); *margin_s* seconds are kept on either side. An all-silent clip is returned as it is.
    """
    hop_s = 0.01
    levels = frame_levels_db(signal, sampling_rate, hop_s=hop_s)
    loud = np.flatnonzero(levels > max(np.percentile(levels, 95) - threshold_db, _FLOOR_DB))
    if not len(loud):
        return signal
    hop_length = max(1, round(hop_s * sampling_rate))
    margin = round(margin_s * sampling_rate)
    start = max(0, loud[0] * hop_length - margin)
    stop = min(len(signal), (loud[-1] + 1) * hop_length + margin)
    return signal[start:stop]


def active_level_db(signal: np.ndarray, sampling_rate: int, *, threshold_db: float = 25.0) -> float:
    """Return the RMS level of the frames within *threshold_db* of the loud ones, in dB re full scale.

    Pauses do not count, so a clip with long pauses and one without have the same level when the talker does
    (the idea of ITU-T P.56, with a fixed margin in place of its search).
    """
    levels = frame_levels_db(signal, sampling_rate)
    active = levels[levels >= np.percentile(levels, 95) - threshold_db]
    return float(10 * np.log10(np.mean(10 ** (active / 10))))


def level_gain(levels_db: Sequence[float], *, peak: float) -> float:
    """Return the gain that brings clips of *levels_db* to the neutral level without clipping a sample.

    Args:
        levels_db: active levels of the clips that set the gain, in dB re full scale; their median counts.
        peak: largest absolute sample of the clip that the gain is for.
    """
    return float(min(10 ** ((NEUTRAL_LEVEL_DB - np.median(levels_db)) / 20), _PEAK_LIMIT / max(peak, 1e-9)))
