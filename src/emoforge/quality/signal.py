"""Plain checks of a converted clip's waveform: faults that can be found without a model.

Levels are in dB re full scale. A clip that fails here is broken, however good its scores are.
"""

from dataclasses import dataclass

import numpy as np

# The longest frame over which speech is steady enough for one level, and short enough to see a stop closure.
_FRAME_S = 0.02
# Below this level re the loudest frame there is no speech: quiet vowels lie above, breath and room noise below.
_SILENCE_DB = -40.0
# An all-zero clip has no level; this is far under one step of 24-bit audio.
_FLOOR_DB = -160.0
# Three samples in a row at the same extreme: a lone peak that touches full scale is not clipped.
_CLIPPED_RUN = 3


@dataclass(frozen=True)
class SignalReport:
    """What the waveform of a converted clip looks like.

    Attributes:
        clipping_share: share of samples, 0 to 1, in runs of at least three at full scale or at the clip's own extreme.
        silence_share: share of 20 ms frames, 0 to 1, more than 40 dB below the loudest one; 1 for an all-zero clip.
        duration_ratio: duration of the converted clip over that of its source.
        peak_db: largest magnitude, in dB re full scale.
        dc_offset: mean of the samples, in full scales.
        f0_median_hz: median F0 of the voiced frames, in Hz; NaN without F0 or voiced frames.
        f0_range_st: distance from the 5th to the 95th percentile of F0, in semitones; NaN as above.
    """

    clipping_share: float
    silence_share: float
    duration_ratio: float
    peak_db: float
    dc_offset: float
    f0_median_hz: float
    f0_range_st: float


def signal_checks(
    converted: np.ndarray,
    source: np.ndarray,
    sampling_rate: int,
    *,
    f0_hz_converted: np.ndarray | None = None,
) -> SignalReport:
    """Measure a converted clip; every measure of an empty one, or of one that is not finite, is NaN.

    Which values are too bad is for :class:`emoforge.quality.gates.Thresholds` to say.

    Args:
        converted: (n_samples,) in [-1, 1].
        source: (n_source_samples,) the clip it was made from.
        sampling_rate: of both, in Hz.
        f0_hz_converted: (n_frames,) F0 in Hz, NaN where unvoiced, of any hop; None leaves the two F0 measures NaN.
    """
    converted = np.asarray(converted, dtype=np.float64)
    if len(converted) == 0 or not np.isfinite(converted).all():
        return SignalReport(*[float("nan")] * 7)
    f0_median_hz, f0_range_st = f0_summary(f0_hz_converted)
    return SignalReport(
        clipping_share=clipping_share(converted),
        silence_share=silence_share(converted, sampling_rate),
        duration_ratio=len(converted) / len(source) if len(source) else float("nan"),
        peak_db=max(_FLOOR_DB, 20 * float(np.log10(max(np.max(np.abs(converted)), 1e-12)))),
        dc_offset=float(np.mean(converted)),
        f0_median_hz=f0_median_hz,
        f0_range_st=f0_range_st,
    )


def clipping_share(signal: np.ndarray) -> float:
    """Return the share of samples that sit in runs of three or more at full scale or at the clip's own extreme.

    The clip's own extreme counts because a clip may be clipped first and scaled down afterwards.
    """
    magnitude = np.abs(signal)
    extreme = float(magnitude.max(initial=0.0))
    if extreme == 0.0:
        return 0.0
    # Within one 16-bit step of the extreme, for quantisation spreads a clipped plateau over two values.
    at_extreme = magnitude >= min(extreme, 1.0) - 1.0 / 32768
    if extreme < 4.0 / 32768:
        # So quiet that the steps of quantisation themselves look like plateaus.
        return 0.0
    # The sign must not change inside a run: a square wave's flanks are two runs.
    signed = np.where(at_extreme, np.sign(signal), 0.0)
    starts = np.flatnonzero(np.diff(signed, prepend=0.0, append=0.0) != 0)
    lengths = np.diff(starts)
    runs = signed[starts[:-1]] != 0
    return float(lengths[runs & (lengths >= _CLIPPED_RUN)].sum() / len(signal))


def silence_share(signal: np.ndarray, sampling_rate: int) -> float:
    """Return the share of 20 ms frames more than 40 dB below the loudest; 1 when all samples are zero."""
    length = min(len(signal), round(_FRAME_S * sampling_rate))
    n_frames = len(signal) // length
    power = np.mean(signal[: n_frames * length].reshape(n_frames, length) ** 2, axis=1)
    if power.max() <= 0:
        return 1.0
    return float(np.mean(power < power.max() * 10 ** (_SILENCE_DB / 10)))


def f0_summary(f0_hz: np.ndarray | None) -> tuple[float, float]:
    """Return the median of F0 in Hz and its 5-to-95 % range in semitones, NaN for both without voiced frames."""
    voiced = np.array([]) if f0_hz is None else np.asarray(f0_hz, dtype=np.float64)
    voiced = voiced[np.isfinite(voiced) & (voiced > 0)]
    if len(voiced) == 0:
        return float("nan"), float("nan")
    low, median, high = np.percentile(voiced, [5, 50, 95])
    return float(median), float(12 * np.log2(high / low))
