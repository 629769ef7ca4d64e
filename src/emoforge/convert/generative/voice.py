"""Speech beside the speaker's neutral voice: the scale on which people are comparable, and on which a style is told.

Another actor's emotional clip, moved to a speaker's neutral mean, is recognised as well as before, while the
*difference* between that actor's emotional and neutral clip, laid on the speaker frame by frame, loses half of it
(studies/conversion/TRIED.md): two alignments smear it. So what is generated are parameters, and not differences.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emoforge.convert.generative.parameters import N_CEPSTRA, Parameters
from emoforge.prosody.f0 import interpolated

#: Columns of relative parameters: cepstra and aperiodicity, then F0 (interpolated where unvoiced), then voicing.
APERIODICITY = N_CEPSTRA
F0 = N_CEPSTRA + 1
VOICING = N_CEPSTRA + 2
N_VALUES = N_CEPSTRA + 3
#: Columns whose mean and spread make a style; voicing is what the words and the network make of it.
_MOVED = np.r_[0:N_CEPSTRA, F0]
#: Numbers of a style: mean and spread of every column, and how much longer the clip is than a neutral one.
N_STYLE = 2 * N_VALUES + 1
STRETCH = 2 * N_VALUES

_SEMITONES = 4.0
_LIMIT = 8.0
#: Nothing spreads more than this much wider than it did: pauses, which lie far from speech, would go astray.
_WIDEST = 2.0


@dataclass(frozen=True)
class Voice:
    """How a speaker sounds when neutral.

    Attributes:
        envelope: (N_CEPSTRA + 1,) mean over the frames of speech.
        f0_st: median F0.
    """

    envelope: np.ndarray
    f0_st: float

    def vector(self) -> np.ndarray:
        """(N_CEPSTRA + 2,) float32."""
        return np.append(self.envelope, self.f0_st).astype(np.float32)


def voice_of(clips: Sequence[Parameters]) -> Voice:
    """Return the voice of the speaker of *clips*, at least one."""
    envelope = np.concatenate([clip.envelope[spoken(clip.envelope)] for clip in clips])
    f0_st = np.concatenate([clip.f0_st[~np.isnan(clip.f0_st)] for clip in clips])
    return Voice(envelope.mean(axis=0), float(np.median(f0_st)) if len(f0_st) else 0.0)


def spoken(values: np.ndarray) -> np.ndarray:
    """(n_frames,) bool: frames whose level, the first column, is in the upper half of the clip's range."""
    level = values[:, 0]
    low, high = np.percentile(level, [5, 95])
    return level >= (low + high) / 2


def relative(clip: Parameters, voice: Voice, spread: np.ndarray) -> np.ndarray:
    """Return (n_frames, N_VALUES) float32: *clip* beside *voice*.

    Args:
        clip: n_frames of it.
        voice: of its speaker.
        spread: (N_CEPSTRA + 1,) unit of each column, see :func:`spread_of`.
    """
    voiced = ~np.isnan(clip.f0_st)
    # Semitones are filled as Hz are.
    f0_st = interpolated(clip.f0_st, without_voice_hz=voice.f0_st) - voice.f0_st
    columns = [(clip.envelope - voice.envelope) / spread, f0_st[:, None] / _SEMITONES, 2.0 * voiced[:, None] - 1.0]
    return np.concatenate(columns, axis=1).astype(np.float32)


def absolute(values: np.ndarray, voice: Voice, spread: np.ndarray) -> Parameters:
    """Undo :func:`relative`; a frame is voiced where its voicing is above 0."""
    values = np.asarray(values, dtype=np.float64)
    f0_st = np.where(values[:, VOICING] > 0, values[:, F0] * _SEMITONES + voice.f0_st, np.nan)
    return Parameters(values[:, :F0] * spread + voice.envelope, f0_st)


def spread_of(clips: Sequence[tuple[Parameters, Voice]]) -> np.ndarray:
    """Return (N_CEPSTRA + 1,) standard deviation of every column of the envelope beside the speaker's voice."""
    return np.maximum(np.concatenate([clip.envelope - voice.envelope for clip, voice in clips]).std(axis=0), 1e-3)


def style_of(values: np.ndarray, stretch_log2: float) -> np.ndarray:
    """Return (N_STYLE,) float32: mean and spread (less 1, their usual size) of *values* where there is speech.

    Args:
        values: (n_frames, N_VALUES) relative parameters.
        stretch_log2: binary logarithm of how much longer the clip is than a neutral one of the same words.
    """
    speech = values[spoken(values)]
    return np.concatenate([speech.mean(axis=0), speech.std(axis=0) - 1.0, [stretch_log2]]).astype(np.float32)


def change_of(style: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    """Return (N_STYLE,) how *style* differs from *neutral*: means as differences, spreads as logarithms of ratios.

    Recordings of two corpora, or of two microphones, differ in how far everything spreads. Told beside the same
    speaker's neutral speech, a style can be laid on somebody who was recorded otherwise.
    """
    change = style - neutral
    spreads = slice(N_VALUES, STRETCH)
    change[spreads] = np.log(_spread(style) / _spread(neutral))
    return change


def changed(neutral: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Undo :func:`change_of`: return the style that *change* makes of a *neutral* one."""
    style = neutral + change
    style[N_VALUES:STRETCH] = _spread(neutral) * np.exp(change[N_VALUES:STRETCH]) - 1.0
    return style


def _spread(style: np.ndarray) -> np.ndarray:
    # A value that hardly moves must not become a ratio without bounds.
    return np.maximum(style[N_VALUES:STRETCH] + 1.0, 0.05)


def shaped(values: np.ndarray, style: np.ndarray) -> np.ndarray:
    """Return *values* with the means and spreads of *style* where there is speech; voicing and aperiodicity stay.

    A network that has learnt for minutes keeps too close to the mean of what it has seen, and listeners miss that.
    The same trick moves pictures to the style of others (Huang and Belongie 2017, "Arbitrary style transfer in
    real-time with adaptive instance normalization").
    """
    speech = values[spoken(values)]
    mean, spread = speech.mean(axis=0)[_MOVED], speech.std(axis=0)[_MOVED] + 1e-2
    result = values.copy()
    widening = np.clip((style[N_VALUES:STRETCH][_MOVED] + 1.0) / spread, 1 / _WIDEST, _WIDEST)
    result[:, _MOVED] = (values[:, _MOVED] - mean) * widening + style[:N_VALUES][_MOVED]
    return np.clip(result, -_LIMIT, _LIMIT)
