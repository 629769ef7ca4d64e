"""Emotion recognition of single recordings, by every kind of recogniser."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from emoforge.base.batch import one_thread
from emoforge.base.errors import AudioError, ModelError, unknown_value
from emoforge.base.models import version_of
from emoforge.dataset.intake import Recorded, audible_level_db, listen
from emoforge.dataset.levels import level_gain, trim_silence
from emoforge.project.examples import clip_inputs
from emoforge.project.intake_options import IntakeOptions, intake_of
from emoforge.prosody.analysis import describe
from emoforge.recording.signals import ArrayRecording, check_peak
from emoforge.ser import registry
from emoforge.ser.recogniser import FILES, Examples, Recogniser

#: A signal (n_samples,) or (n_samples, n_channels) in [-1, 1] and its sampling rate in Hz.
Recording = tuple[np.ndarray, int]

_SPEAKER = "speaker"


@dataclass(frozen=True)
class Clip:
    """A recording as a recogniser's training clips were: mono, at their rate, without outer silence.

    Attributes:
        signal: (n_samples,) float32, at the recording's own level.
        level_db: its active level, in dB re full scale; None for a clip of a corpus, whose level is set already.
    """

    signal: np.ndarray
    level_db: float | None


@dataclass(frozen=True)
class Enrolment:
    """Neutral recordings of a speaker: what the recogniser reads of them, and how loud they are.

    Attributes:
        examples: one for every recording.
        levels_db: their active levels; none where their level is set already.
    """

    examples: Examples
    levels_db: tuple[float, ...]


class EmotionRecogniser:
    """A trained recogniser, called with recordings; :func:`load_recogniser` returns one.

    Attributes:
        kind: of recogniser, such as ``"svm"``.
        emotions: what it tells apart.
        sampling_rate: at which it hears recordings, in Hz.
    """

    def __init__(self, kind: str, recogniser: Recogniser, options: IntakeOptions) -> None:
        self.kind = kind
        self.emotions: tuple[str, ...] = tuple(recogniser.labels)
        self.sampling_rate = options.sampling_rate
        self._recogniser, self._options = recogniser, options

    def __repr__(self) -> str:
        return f"<{self.kind} recogniser: {', '.join(self.emotions)}>"

    def __call__(self, signal: np.ndarray, sampling_rate: int, *, enrol: Sequence[Recording] = ()) -> dict[str, float]:
        """Return emotion → probability; see :func:`predict`."""
        with one_thread():
            clip = self.clip(ArrayRecording(signal, sampling_rate))
            return self.answer(clip, self.enrolled([self._enrolling(recording) for recording in enrol]))

    def _enrolling(self, recording: Recording) -> Clip:
        try:
            return self.clip(ArrayRecording(*recording))
        except AudioError as error:
            raise AudioError(f"enrol: {error}") from error

    def clip(self, recording: Recorded) -> Clip:
        """Return a recording as the recogniser hears it; AudioError where there is nothing to hear."""
        rate = self._options.sampling_rate
        heard = listen(recording, rate)
        check_peak(heard.peak)
        signal = trim_silence(heard.signal, rate, threshold_db=self._options.trim_db)
        return Clip(signal, audible_level_db(signal, rate))

    def enrolled(self, clips: Sequence[Clip]) -> Enrolment:
        """Return a speaker's neutral *clips* as the recogniser reads them; without any, nobody is enrolled."""
        levels_db = tuple(clip.level_db for clip in clips if clip.level_db is not None)
        return Enrolment(self._examples(clips, levels_db), levels_db)

    def answer(self, clip: Clip, enrolment: Enrolment) -> dict[str, float]:
        """Return emotion → probability of one *clip* of the speaker of *enrolment*."""
        asked = self._examples([clip], enrolment.levels_db or (clip.level_db,))
        enrolled = enrolment.examples
        if not len(enrolled) and isinstance(asked.inputs, np.ndarray):
            # Nobody enrolled: a matrix without rows still has columns.
            enrolled = Examples(asked.inputs[:0], enrolled.speakers)
        (probabilities,) = self._recogniser.predict_proba(asked, enrolled)
        return dict(zip(self.emotions, probabilities.tolist(), strict=True))

    def _examples(self, clips: Sequence[Clip], levels_db: Sequence[float | None]) -> Examples:
        levelled = [(_at_level(clip, levels_db), self._options.sampling_rate) for clip in clips]
        speakers = np.full(len(clips), _SPEAKER)
        if not clips:
            return Examples([], speakers)
        prosody: dict[str, Any] = dict(self._options.prosody)
        inputs = clip_inputs(
            self.kind,
            range(len(clips)),
            functionals=lambda rows: np.stack([describe(*levelled[row], **prosody)[1] for row in rows]),
            read=lambda row: levelled[row],
            encoder=self._options.encoder,
        )
        return Examples(inputs, speakers)


def _at_level(clip: Clip, levels_db: Sequence[float | None]) -> np.ndarray:
    """Bring a clip to the level of training clips, as ingest does: by its speaker's neutral clips, without clipping."""
    known = [level_db for level_db in levels_db if level_db is not None]
    if clip.level_db is None or not known:
        return clip.signal
    return (clip.signal * level_gain(known, peak=float(np.abs(clip.signal).max()))).astype(np.float32)


def predict(
    signal: np.ndarray,
    sampling_rate: int,
    *,
    model: str | os.PathLike | EmotionRecogniser = "models/synthetic",
    enrol: Sequence[Recording] = (),
) -> dict[str, float]:
    """Return how probable each emotion is in a recording.

    The recording is heard as the recogniser's training clips were: mono, at their rate, without outer silence. Its
    level is that of the speaker's enrolment, so that a shout stays loud; without enrolment its own, which then says
    nothing.

    Args:
        signal: (n_samples,) or (n_samples, n_channels), floating point in [-1, 1], up to ten minutes.
        sampling_rate: of *signal*, 8000 to 384000 Hz. Recognisers of this project learn from 16000 Hz: of telephone
            speech (8000 Hz) they hear half, and should be enrolled with telephone speech.
        model: folder of a recogniser of any kind, or what :func:`load_recogniser` returned.
        enrol: signals and sampling rates of neutral recordings of the same speaker, which calibrate the recogniser to
            the voice; two or three are worth much. Without any, the voice counts as an average one.

    Returns:
        emotion → probability, which add up to 1.

    Raises:
        AudioError: a signal is empty, silent, not finite, not floating point, longer than ten minutes, or has its
            axes swapped; or a sampling rate is out of range.
        ModelError: there is no recogniser in the folder, or nothing says how its training clips were analysed.

    Examples:
        A recogniser of two emotions that differ in F0, trained on synthetic voices:

        >>> import tempfile
        >>> import emoforge
        >>> import numpy as np
        >>> from emoforge.base.outputs import write_json
        >>> from emoforge.prosody.analysis import describe
        >>> from emoforge.prosody.synthetic import voice
        >>> from emoforge.ser.recogniser import Examples
        >>> from emoforge.ser.machines.svm import SvmRecogniser
        >>> pitches = [100.0, 110.0, 120.0, 200.0, 210.0, 220.0]
        >>> clips = [voice(np.full(8000, f0_hz), 16000, level_db=-32.0) for f0_hz in pitches]
        >>> features = np.stack([describe(clip, 16000)[1] for clip in clips])
        >>> train = Examples(features, np.full(6, "a"), np.array([0, 0, 0, 1, 1, 1]))
        >>> nobody = Examples(features[:0], np.array([]))
        >>> recogniser = SvmRecogniser.fit(train, labels=["neutral", "fear"], enrolment=nobody)
        >>> folder = tempfile.mkdtemp()
        >>> recogniser.save(folder)
        >>> prosody = {"hop_s": 0.01, "f0_min_hz": 60.0, "f0_max_hz": 600.0}
        >>> intake = {"sampling_rate": 16000, "trim_db": 40.0, "prosody": prosody, "encoder": ""}
        >>> write_json(f"{folder}/intake.json", intake)

        >>> probabilities = emoforge.predict(voice(np.full(8000, 205.0), 16000), 16000, model=folder)
        >>> max(probabilities, key=probabilities.get)
        'fear'
    """
    recogniser = model if isinstance(model, EmotionRecogniser) else load_recogniser(model)
    return recogniser(signal, sampling_rate, enrol=enrol)


def load_recogniser(folder: str | os.PathLike) -> EmotionRecogniser:
    """Return a trained recogniser, which is called as :func:`predict` is.

    The same folder is read once, and again when its files have changed.

    Args:
        folder: what `emoforge train` wrote, such as ``"models/synthetic"``, with a recogniser of any kind.

    Raises:
        ModelError: there is no recogniser in the folder, or a damaged one, or nothing says how its training clips
            were analysed.

    Examples:
        >>> import emoforge
        >>> emoforge.load_recogniser("nowhere")
        Traceback (most recent call last):
        ...
        emoforge.base.errors.ModelError: nowhere/recogniser.json: not found; train a recogniser first
    """
    return _load(Path(folder), version_of(folder))


@lru_cache(maxsize=4)
def _load(folder: Path, version: tuple) -> EmotionRecogniser:
    kind = FILES.read_description(folder)["kind"]
    if kind not in registry.KINDS:
        raise ModelError(f"{folder}: {unknown_value('recogniser', kind, registry.KINDS)}")
    recogniser, options = registry.load_recogniser(folder), intake_of(folder)
    return EmotionRecogniser(kind, recogniser, _with_encoder(options, getattr(recogniser, "encoder", None), folder))


def _with_encoder(options: IntakeOptions, known: tuple | None, folder: Path) -> IntakeOptions:
    """Name the encoder that a recogniser was trained with: that of *options*, else that of the model.

    Raises:
        ModelError: it is not the same encoder any more.
    """
    if known is None:
        return options
    from emoforge.project.encoders import load_encoder

    name, sha256 = known[:2]
    encoder = load_encoder(options.encoder or name)
    if encoder.sha256 != sha256:
        raise ModelError(
            f"{folder}: trained with the encoder {name} (SHA-256 {sha256[:12]}…), not with {encoder.name} "
            f"({encoder.sha256[:12]}…): name that encoder as `encoder` in params.yaml, or train the recogniser again"
        )
    return replace(options, encoder=options.encoder or name)
