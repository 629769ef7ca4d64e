"""The renderer: parameters of the target become a waveform, without a vocoder.

F0 and duration change by overlap-add of the source's own cycles (:mod:`~emoforge.convert.rendering.overlap_add`),
timbre and level by a time-varying filter (:mod:`emoforge.convert.rendering.spectral_filter`). What is not asked to
change is copied.
"""

import numpy as np

from emoforge.base.audio import mono_mix
from emoforge.base.errors import AudioError
from emoforge.convert.rendering.marks import filled_f0, pitch_marks
from emoforge.convert.rendering.overlap_add import overlap_add
from emoforge.convert.rendering.spectral_filter import apply_gain, smooth_gain

#: Gain or loss of a band that no result exceeds. Between a murmur and a shout of one person lie more than 30 dB.
GAIN_LIMIT_DB = 36.0

#: Peak that no result exceeds; a clip that would is scaled down as a whole, which keeps its waveform.
PEAK = 0.99

#: Largest change of F0 as a ratio, up or down: beyond it, overlap-add leaves holes or smears cycles.
F0_RATIO_LIMIT = 3.0

#: Slowest pace through the source, in seconds of source per second of the result.
SLOWEST = 1e-3


def below_peak(signal: np.ndarray) -> np.ndarray:
    """Return *signal* as float32, turned down as a whole where a sample would exceed :data:`PEAK`."""
    peak = float(np.abs(signal).max(initial=0.0))
    return (signal * (PEAK / peak) if peak > PEAK else signal).astype(np.float32)


def render(
    signal: np.ndarray,
    sampling_rate: int,
    *,
    f0_hz: np.ndarray,
    hop_s: float,
    target_f0_hz: np.ndarray,
    time_map_s: np.ndarray,
    envelope_difference_db: np.ndarray | None = None,
    energy_difference_db: np.ndarray | None = None,
    gain_limit_db: float = GAIN_LIMIT_DB,
    time_smoothing_s: float = 0.015,
    band_smoothing: float = 1.0,
    band_rate: int | None = None,
) -> np.ndarray:
    """Return *signal* with another F0, timing, spectral envelope and level.

    All channels share pitch marks, time axis and gains, so what they differ in stays: the stereo image.

    Voicing stays that of the source: where one of the two F0 tracks is undefined, the F0 ratio of the neighbours is
    interpolated. A change of F0 alone leaves the level as it is. Equal parameters give the source back (better than
    40 dB signal-to-noise).

    Args:
        signal: (n_samples,) or (n_samples, n_channels) float32 in [-1, 1].
        sampling_rate: in Hz.
        f0_hz: (n_frames,) F0 of *signal* in Hz, NaN where unvoiced.
        hop_s: distance of all frames, in seconds.
        target_f0_hz: (n_target_frames,) F0 asked for in Hz, NaN where unvoiced or of no interest; limited to three
            times and a third of the source's.
        time_map_s: (n_target_frames,) instant of the source heard in each target frame, in seconds, not descending.
            Past the last frame the rest of the source follows at its own rate.
        envelope_difference_db: (n_target_frames, n_bands) gain by mel band in dB; none if ``None``.
        energy_difference_db: (n_target_frames,) gain in dB, added in every band; none if ``None``.
        gain_limit_db: largest gain or loss by band, in dB.
        time_smoothing_s: standard deviation of the smoothing of gains along time, in seconds.
        band_smoothing: standard deviation of the smoothing of gains along bands, in bands.
        band_rate: sampling rate whose mel bands *envelope_difference_db* has, in Hz; above the last of them its gain
            holds. *sampling_rate* if ``None``.

    Returns:
        (n_target_samples,) or (n_target_samples, n_channels) float32 with a peak of at most ``PEAK`` (or that of
        *signal*, if higher).

    Raises:
        AudioError: tracks of different lengths, a time map that runs backwards, or samples that are not finite.
    """
    signal = np.asarray(signal, dtype=np.float32)
    f0_hz = np.asarray(f0_hz, dtype=np.float64)
    target_f0_hz = np.asarray(target_f0_hz, dtype=np.float64)
    time_map_s = np.asarray(time_map_s, dtype=np.float64)
    _check(signal, f0_hz, target_f0_hz, time_map_s, envelope_difference_db, energy_difference_db)
    if not signal.size:
        return signal.copy()
    duration_s = len(signal) / sampling_rate
    target_s, source_s = _time_axis(time_map_s, hop_s, duration_s)
    n_samples = max(round(target_s[-1] * sampling_rate), 1)
    ratio = _f0_ratio(f0_hz, target_f0_hz, time_map_s, hop_s)

    marks = pitch_marks(mono_mix(signal), sampling_rate, f0_hz=f0_hz, hop_s=hop_s)
    channels = [
        overlap_add(
            channel,
            sampling_rate,
            marks,
            target_s=target_s,
            source_s=source_s,
            f0_ratio=np.append(ratio, ratio[-1]),
            n_samples=n_samples,
        )
        for channel in signal.reshape(len(signal), -1).T
    ]
    if envelope_difference_db is not None or energy_difference_db is not None:
        gain_db = _gain(envelope_difference_db, energy_difference_db, len(time_map_s))
        gain_db = smooth_gain(
            gain_db,
            hop_s=hop_s,
            time_smoothing_s=time_smoothing_s,
            band_smoothing=band_smoothing,
            limit_db=gain_limit_db,
        )
        if np.any(gain_db):
            channels = [
                apply_gain(channel, sampling_rate, gain_db=gain_db, hop_s=hop_s, band_rate=band_rate)
                for channel in channels
            ]
    result = np.stack(channels, axis=1).reshape(n_samples, *signal.shape[1:])
    peak = np.abs(result).max()
    allowed = max(PEAK, float(np.abs(signal).max()))
    return (result * (allowed / peak) if peak > allowed else result).astype(np.float32)


def _time_axis(time_map_s: np.ndarray, hop_s: float, duration_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Knots of the result and of the source in seconds; the last is the end of both."""
    frames_s = np.arange(len(time_map_s)) * hop_s
    rest_s = max(duration_s - time_map_s[-1], 0.0)
    target_s = np.append(frames_s, frames_s[-1] + max(rest_s, 1e-9))
    source_s = np.append(time_map_s, time_map_s[-1] + max(rest_s, 1e-9))
    # Overlap-add inverts the map, so a stretch that stands still is made to advance very slowly.
    rise = np.maximum(np.diff(source_s), SLOWEST * np.diff(target_s))
    return target_s, source_s[0] + np.concatenate([[0.0], np.cumsum(rise)])


def _f0_ratio(f0_hz: np.ndarray, target_f0_hz: np.ndarray, time_map_s: np.ndarray, hop_s: float) -> np.ndarray:
    """(n_target_frames,) F0 of target over source, bridged where either is unvoiced."""
    source_frame = time_map_s / hop_s
    source_f0 = np.exp(np.interp(source_frame, np.arange(len(f0_hz)), np.log(filled_f0(f0_hz))))
    nearest = np.clip(np.rint(source_frame).astype(int), 0, len(f0_hz) - 1)
    ratio = np.where(np.isfinite(f0_hz[nearest]), target_f0_hz / source_f0, np.nan)
    return np.clip(filled_f0(ratio, default_hz=1.0), 1 / F0_RATIO_LIMIT, F0_RATIO_LIMIT)


def _gain(envelope_db: np.ndarray | None, energy_db: np.ndarray | None, n_frames: int) -> np.ndarray:
    gain_db = np.zeros((n_frames, 2), dtype=np.float32) if envelope_db is None else np.asarray(envelope_db)
    return gain_db if energy_db is None else gain_db + np.asarray(energy_db)[:, None]


def _check(
    signal: np.ndarray,
    f0_hz: np.ndarray,
    target_f0_hz: np.ndarray,
    time_map_s: np.ndarray,
    envelope_db: np.ndarray | None,
    energy_db: np.ndarray | None,
) -> None:
    if signal.ndim not in (1, 2) or not np.isfinite(signal).all():
        raise AudioError(
            f"signal: shape {signal.shape}, but finite samples are needed as (n_samples,) or (n_samples, n_channels); "
            "clean it"
        )
    if not len(f0_hz) or not len(time_map_s):
        raise AudioError("f0_hz and time_map_s need at least one frame each; analyse the signal first")
    lengths = {"target_f0_hz": target_f0_hz, "envelope_difference_db": envelope_db, "energy_difference_db": energy_db}
    for name, values in lengths.items():
        if values is not None and len(values) != len(time_map_s):
            raise AudioError(f"{name}: {len(values)} frames, but time_map_s has {len(time_map_s)}; make them equal")
    if np.any(np.diff(time_map_s) < 0) or not np.isfinite(time_map_s).all() or time_map_s[0] < 0:
        raise AudioError("time_map_s: must start at 0 or later and never descend; sort it")
