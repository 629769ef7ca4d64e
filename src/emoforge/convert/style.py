"""A style laid on a source: what changes in every one of its frames, and how that becomes a waveform."""

from dataclasses import dataclass

import numpy as np

from emoforge.convert.rendering.render import render
from emoforge.convert.utterance import Utterance
from emoforge.prosody.tracks import Tracks


@dataclass(frozen=True)
class Style:
    """Changes on the frames of the source; all zero leaves the source as it is.

    Attributes:
        f0_difference_st: (n_frames,) change of F0 in semitones.
        stretch_log2: (n_frames,) binary logarithm of how much longer each frame becomes.
        envelope_difference_db: (n_frames, n_bands) change of the envelope, level included, in dB.
    """

    f0_difference_st: np.ndarray
    stretch_log2: np.ndarray
    envelope_difference_db: np.ndarray

    def scaled(self, intensity: float) -> "Style":
        """Return the style at *intensity*: F0 and rate are interpolated in the log domain, the envelope in dB."""
        return Style(
            self.f0_difference_st * intensity, self.stretch_log2 * intensity, self.envelope_difference_db * intensity
        )


def no_change(tracks: Tracks) -> Style:
    """Return the style that leaves an utterance of *tracks* as it is."""
    zeros = np.zeros(tracks.n_frames)
    return Style(zeros, zeros, np.zeros(tracks.envelope_db.shape, dtype=np.float32))


@dataclass(frozen=True)
class Targets:
    """A style on the time axis of the result, as :func:`emoforge.convert.rendering.render.render` takes it."""

    f0_hz: np.ndarray
    time_map_s: np.ndarray
    envelope_difference_db: np.ndarray


def targets(source: Utterance, style: Style) -> Targets:
    """Return *style* on the frames of the result."""
    tracks = source.tracks
    hop_s, n_frames = tracks.hop_s, tracks.n_frames
    seconds = hop_s * 2.0 ** ((style.stretch_log2[1:] + style.stretch_log2[:-1]) / 2)
    instant_s = np.concatenate([[0.0], np.cumsum(seconds)])
    target_s = np.arange(int(instant_s[-1] / hop_s + 1e-6) + 1) * hop_s
    frame = np.interp(target_s, instant_s, np.arange(n_frames))
    low = np.minimum(frame.astype(int), n_frames - 1)
    high = np.minimum(low + 1, n_frames - 1)
    weight = frame - low
    f0_hz = tracks.f0_hz * 2.0 ** (style.f0_difference_st / 12)
    envelope = style.envelope_difference_db
    return Targets(
        f0_hz=f0_hz[np.where(weight < 0.5, low, high)],
        time_map_s=frame * hop_s,
        envelope_difference_db=envelope[low] * (1 - weight[:, None]) + envelope[high] * weight[:, None],
    )


def render_style(source: Utterance, style: Style) -> np.ndarray:
    """Return (n_samples,) or (n_samples, n_channels) float32: *source* spoken in *style*, without a vocoder.

    The signal of *source* may have several channels, and another sampling rate than that its tracks were made at.
    """
    target = targets(source, style)
    return render(
        source.signal,
        source.sampling_rate,
        f0_hz=source.tracks.f0_hz,
        hop_s=source.tracks.hop_s,
        target_f0_hz=target.f0_hz,
        time_map_s=target.time_map_s,
        envelope_difference_db=target.envelope_difference_db,
        band_rate=source.tracks.sampling_rate,
    )
