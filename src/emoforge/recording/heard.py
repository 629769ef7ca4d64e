"""A recording as converters hear it: any rate, any number of channels, up to ten minutes, in memory for seconds only.

The converter hears what it heard when it learnt: mono, 16 kHz, at the level of ingest. What it decides is then done
to the recording itself, to every channel at its own rate, so that nothing of the recording is lost on the way.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Protocol

import numpy as np

from emoforge.base.errors import AudioError
from emoforge.convert.base import Performer
from emoforge.convert.generative.parameters import Parameters
from emoforge.convert.rendering.render import PEAK
from emoforge.convert.style import Style
from emoforge.convert.utterance import Utterance
from emoforge.dataset.intake import audible_level_db, listen
from emoforge.dataset.labels import NEUTRAL
from emoforge.dataset.levels import level_gain
from emoforge.prosody.analysis import analyse
from emoforge.recording.pieces import HOP_S, REACH_S, Piece, crossfaded, cut, pause_frames
from emoforge.recording.signals import ANALYSIS_RATE, check_peak

_HOP_LENGTH = round(HOP_S * ANALYSIS_RATE)
#: Pieces are rendered this much softer than they are, so that none is scaled to keep it from clipping: the recording
#: is, as a whole. A power of two changes no bit of a sample but its exponent.
_HEADROOM = np.float32(2.0**-6)


class Source(Protocol):
    """What is converted: :class:`emoforge.base.audio.AudioFile` or :class:`emoforge.recording.signals.ArrayRecording`.

    Attributes:
        sampling_rate: in Hz.
        n_channels: number of channels.
    """

    sampling_rate: int
    n_channels: int

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield all of it, part by part, (n_samples, n_channels) float32."""
        ...

    def spans(self, bounds: Iterable[tuple[int, int]]) -> Iterator[np.ndarray]:
        """Yield (n_samples, n_channels) float32 for every first and last sample (exclusive) of *bounds*."""
        ...


class HeardRecording:
    """A recording as converters hear it, which is heard and analysed once however often it is converted.

    Args:
        source: the recording.
        name: what error lines and a style reference call it.
        prosody: how its tracks are made: keyword arguments of :func:`emoforge.prosody.analysis.analyse`.

    Attributes:
        signal: (n,) float32 mono at ANALYSIS_RATE, at the level of ingest.
        pauses: (n_frames,) bool, what :func:`emoforge.recording.pieces.pause_frames` returns for it.
        n_samples: length of the recording at its own rate.
        peak: largest absolute sample of the recording.

    Raises:
        AudioError: the recording is empty or silent, or cannot be decoded.
    """

    def __init__(self, source: Source, *, name: str, prosody: dict) -> None:
        heard = listen(source, ANALYSIS_RATE)
        check_peak(heard.peak)
        self.pauses = pause_frames(heard.signal, ANALYSIS_RATE)
        n_frames = len(self.pauses)
        spoken = heard.signal[: n_frames * _HOP_LENGTH].reshape(n_frames, -1)[~self.pauses].ravel()
        level_db = audible_level_db(spoken, ANALYSIS_RATE)
        gain = level_gain([level_db], peak=float(np.abs(heard.signal).max()))
        self.signal = (heard.signal * gain).astype(np.float32)
        self.n_samples, self.peak = heard.n_samples, heard.peak
        self._source, self._name, self._prosody = source, name, prosody
        self._utterances: dict[int, Utterance] = {}

    def pieces(self) -> list[Piece]:
        """Return what is converted at a time, and the silence between."""
        return cut(self.signal, ANALYSIS_RATE, self.pauses)

    def reference(self, emotion: str) -> Utterance:
        """Return the recording, without its outer pauses, as a style reference of *emotion*."""
        spoken = np.flatnonzero(~self.pauses)
        signal = self.signal[spoken[0] * _HOP_LENGTH : (spoken[-1] + 1) * _HOP_LENGTH]
        return self._utterance(signal, emotion)

    def parts(
        self,
        performer: Performer,
        perform: Callable[[Utterance], Style | Parameters],
        *,
        each: Callable[[], object] = lambda: None,
    ) -> Iterator[np.ndarray]:
        """Yield the converted recording, (n_samples, n_channels) float32 at a level of its own, piece by piece.

        :func:`gathered` and :func:`level_of` bring it back to the level of the recording.

        Args:
            performer: who makes waveforms.
            perform: returns how a piece is to be spoken.
            each: called after every piece that was spoken.
        """
        pieces, rate = self.pieces(), self._source.sampling_rate
        reach = round(REACH_S * rate)
        cuts = [0, *(round(piece.start * HOP_S * rate) for piece in pieces[1:]), self.n_samples]
        bounds = [(max(start - reach, 0), min(stop + reach, self.n_samples)) for start, stop in pairwise(cuts)]

        def spoken() -> Iterator[np.ndarray]:
            for index, (piece, recorded) in enumerate(zip(pieces, self._source.spans(bounds), strict=True)):
                signal = recorded * _HEADROOM
                if not piece.speech:
                    yield signal
                    continue
                if index not in self._utterances:
                    self._utterances[index] = self._utterance(self._slice(*bounds[index]), NEUTRAL)
                source = self._utterances[index]
                style = perform(source)
                if isinstance(style, Style):
                    style = _without_stretch(style, source, self.pauses, bounds[index][0] / rate)
                yield performer.synthesise(replace(source, signal=signal, sampling_rate=rate), style)
                each()

        return crossfaded(spoken(), 2 * reach)

    def _slice(self, start: int, stop: int) -> np.ndarray:
        """The part of what is heard between two samples of the recording, never longer than that."""
        rate = self._source.sampling_rate
        first = round(start * ANALYSIS_RATE / rate)
        return self.signal[first : first + max((stop - start) * ANALYSIS_RATE // rate, 1)]

    def _utterance(self, signal: np.ndarray, emotion: str) -> Utterance:
        return Utterance(
            clip_id=self._name,
            speaker=self._name,
            sentence=None,
            emotion=emotion,
            signal=signal,
            sampling_rate=ANALYSIS_RATE,
            tracks=analyse(signal, ANALYSIS_RATE, **self._prosody),
        )


def gathered(parts: Iterable[np.ndarray], keep: Callable[[np.ndarray], object]) -> tuple[int, float]:
    """Give every part to *keep*; return how many samples they have and the largest absolute one.

    Raises:
        AudioError: a sample is not finite.
    """
    n_samples, loudest = 0, 0.0
    for part in parts:
        if not np.isfinite(part).all():
            raise AudioError("conversion gave samples that are not finite; try another seed or converter")
        n_samples += len(part)
        loudest = max(loudest, float(np.abs(part).max(initial=0.0)))
        keep(part)
    return n_samples, loudest


def level_of(loudest: float, *, allowed: float) -> np.float32:
    """Return the factor that brings parts back to the recording's level without exceeding a peak.

    Args:
        loudest: largest absolute sample of the parts.
        allowed: largest that a sample may become, if it is above 0.99.
    """
    peak = loudest / float(_HEADROOM)
    return np.float32(min(1.0, max(PEAK, allowed) / max(peak, 1e-9)) / float(_HEADROOM))


def _without_stretch(style: Style, source: Utterance, pauses: np.ndarray, start_s: float) -> Style:
    """*style* with long pauses as long as they were, and its ends, which neighbours share, in their own time."""
    tracks = source.tracks
    time_s = np.arange(tracks.n_frames) * tracks.hop_s
    paused = pauses[np.clip(((start_s + time_s) / HOP_S).astype(int), 0, len(pauses) - 1)]
    shared = 2 * REACH_S + tracks.hop_s
    ends = (time_s < shared) | (time_s > time_s[-1] - shared)
    return replace(style, stretch_log2=np.where(paused | ends, 0.0, style.stretch_log2))
