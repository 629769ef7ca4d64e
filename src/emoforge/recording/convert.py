"""Conversion of single recordings: arrays first, files as a thin wrapper."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from numbers import Integral, Real
from pathlib import Path

import numpy as np

from emoforge.base.audio import AudioFile, output_encoding, write_blocks
from emoforge.base.batch import one_thread
from emoforge.base.errors import AudioError, EmoforgeError, ModelError, unknown_value
from emoforge.base.models import version_of
from emoforge.base.outputs import read_json, written_aside
from emoforge.convert import registry
from emoforge.convert.base import Converter, check_intensity
from emoforge.convert.generative.parameters import Parameters
from emoforge.convert.style import Style
from emoforge.convert.utterance import Utterance
from emoforge.dataset.labels import canonical_emotion
from emoforge.project.params import ProsodyParams
from emoforge.recording.files import check_paths
from emoforge.recording.heard import HeardRecording, gathered, level_of
from emoforge.recording.signals import ArrayRecording, opened

#: The converter that comes with emoforge.
SHIPPED = Path(str(files("emoforge"))) / "shipped"

_BLOCK = 1 << 18
_SPOOL_BYTES = 1 << 26

#: A signal (n_samples,) or (n_samples, n_channels) in [-1, 1] and its sampling rate in Hz.
Recording = tuple[np.ndarray, int]


class EmotionConverter:
    """A fitted converter, called with recordings; :func:`load_converter` returns one.

    Attributes:
        name: kind of converter, such as ``"neural"``.
        emotions: what it can produce, in alphabetical order.
    """

    def __init__(self, converter: Converter, prosody: dict) -> None:
        self._converter, self._prosody = converter, prosody
        self.name: str = converter.name
        self.emotions: tuple[str, ...] = tuple(converter.emotions)

    def __repr__(self) -> str:
        return f"<{self.name} converter: {', '.join(self.emotions)}>"

    def __call__(
        self,
        signal: np.ndarray,
        sampling_rate: int,
        *,
        to: str,
        intensity: float = 1.0,
        seed: int = 0,
        style: Recording | None = None,
    ) -> np.ndarray:
        """Return *signal* as the same speaker would say it with another emotion; see :func:`convert`."""
        emotion = check_request(self.name, self.emotions, to, intensity, seed)
        with one_thread():
            source = ArrayRecording(signal, sampling_rate)
            heard = self.hear(source, "the recording")
            with _named("style"):
                reference = None if style is None else self.hear(ArrayRecording(*style), "style").reference(emotion)
            parts: list[np.ndarray] = []
            spoken = self.parts(heard, emotion, intensity=intensity, seed=seed, reference=reference)
            _, loudest = gathered(spoken, parts.append)
        result = np.concatenate(parts) * level_of(loudest, allowed=heard.peak)
        return result[:, 0] if source.n_dimensions == 1 else result

    def hear(self, source: AudioFile | ArrayRecording, name: str) -> HeardRecording:
        """Return *source* as this converter hears it; AudioError where there is nothing to hear."""
        return HeardRecording(source, name=name, prosody=self._prosody)

    def parts(
        self,
        heard: HeardRecording,
        emotion: str,
        *,
        intensity: float,
        seed: int,
        reference: Utterance | None = None,
        each: Callable[[], object] = lambda: None,
    ) -> Iterator[np.ndarray]:
        """Yield the conversion of *heard*, see :meth:`emoforge.recording.heard.HeardRecording.parts`."""

        def perform(source: Utterance) -> Style | Parameters:
            if reference is None:
                return self._converter.perform(source, emotion, intensity=intensity, seed=seed).style
            return self._converter.perform_like(source, reference, intensity=intensity, seed=seed).style

        return heard.parts(self._converter, perform, each=each)


def convert(
    signal: np.ndarray,
    sampling_rate: int,
    *,
    to: str,
    intensity: float = 1.0,
    seed: int = 0,
    converter: str | os.PathLike | EmotionConverter | None = None,
    style: Recording | None = None,
) -> np.ndarray:
    """Return a neutral recording as the same speaker would say it with another emotion.

    Args:
        signal: (n_samples,) or (n_samples, n_channels), floating point in [-1, 1], up to ten minutes.
        sampling_rate: of *signal*, 8000 to 384000 Hz.
        to: emotion to convert to, such as ``"anger"``; aliases such as ``"angry"`` are understood.
        intensity: 0 (as recorded) to 1 (all of the emotion).
        seed: another seed gives another performance, the same one the same samples.
        converter: folder of a fitted converter, or what :func:`load_converter` returned; the one that comes with
            emoforge when omitted.
        style: signal and sampling rate of a recording that is in the emotion and whose style is copied, for
            converters that can.

    Returns:
        (m_samples,) or (m_samples, n_channels) float32, at the same sampling rate. An emotion changes the tempo, so
        that *m_samples* differs from *n_samples*; with *intensity* 0 the recording comes back.

    Raises:
        AudioError: the signal cannot be converted: it is empty, silent, not finite, not floating point, longer than
            ten minutes, or has its axes swapped; or the sampling rate is out of range.
        EmoforgeError: the emotion is none that the converter can produce, or the intensity is out of range.
        ModelError: there is no converter in the folder.

    Examples:
        A second of a synthetic voice, which falls from 140 to 100 Hz:

        >>> import emoforge
        >>> import numpy as np
        >>> from emoforge.prosody.synthetic import voice
        >>> sampling_rate = 16000
        >>> signal = voice(np.linspace(140, 100, sampling_rate), sampling_rate)
        >>> angry = emoforge.convert(signal, sampling_rate, to="anger", intensity=0.8, seed=0)
        >>> angry.dtype, angry.ndim
        (dtype('float32'), 1)
        >>> bool(len(angry) < len(signal))  # faster
        True
        >>> emoforge.convert(signal, sampling_rate, to="angr")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        emoforge.base.errors.EmoforgeError: converter neural: unknown emotion 'angr' (did you mean 'anger'?); ...
    """
    model = converter if isinstance(converter, EmotionConverter) else load_converter(converter)
    return model(signal, sampling_rate, to=to, intensity=intensity, seed=seed, style=style)


def load_converter(folder: str | os.PathLike | None = None) -> EmotionConverter:
    """Return a fitted converter, which is called as :func:`convert` is.

    The same folder is read once, and again when its files have changed.

    Args:
        folder: what `emoforge fit-converter` wrote, such as ``"data/converter"``; the converter that comes with
            emoforge when omitted.

    Raises:
        ModelError: there is no converter in the folder, or a damaged one, or one of another version.

    Examples:
        >>> import emoforge
        >>> converter = emoforge.load_converter()
        >>> converter.emotions
        ('anger', 'calm', 'disgust', 'fear', 'happiness', 'sadness', 'surprise')
        >>> import numpy as np
        >>> from emoforge.prosody.synthetic import voice
        >>> signal = voice(np.full(8000, 120.0), 16000)
        >>> afraid, sad = (converter(signal, 16000, to=emotion) for emotion in ("fear", "sadness"))
    """
    path = converter_folder(folder)
    return _load(path, version_of(path))


@lru_cache(maxsize=4)
def _load(folder: Path, version: tuple) -> EmotionConverter:
    model = registry.load(folder)
    provenance = read_json(folder / "provenance.json")
    if "prosody" not in provenance:
        raise ModelError(f"{folder / 'provenance.json'}: key 'prosody' is missing; fit the converter again")
    # Tracks are made as those were that it learnt from.
    return EmotionConverter(model, ProsodyParams.model_validate(provenance["prosody"]).model_dump())


def converter_folder(folder: str | os.PathLike | None) -> Path:
    """Return *folder*, or where the converter that comes with emoforge is.

    Raises:
        ModelError: none was named, and this installation comes without one.
    """
    if folder is not None:
        return Path(folder)
    if not SHIPPED.is_dir():
        raise ModelError(
            f"{SHIPPED}: this installation comes without a converter; install emoforge again, or name the folder of a "
            "fitted one by --converter"
        )
    return SHIPPED


def check_request(name: str, emotions: Sequence[str], emotion: str, intensity: float, seed: int) -> str:
    """Return the vocabulary's name of *emotion*, which the converter *name* has to produce.

    Raises:
        EmoforgeError: it cannot; or *intensity* or *seed* is out of range.
    """
    try:
        known = canonical_emotion(str(emotion))
    except EmoforgeError:
        known = str(emotion)
    if known not in emotions:
        raise EmoforgeError(f"converter {name}: {unknown_value('emotion', known, emotions)}")
    if isinstance(intensity, bool) or not isinstance(intensity, Real):
        raise EmoforgeError(f"intensity {intensity!r} is a {type(intensity).__name__}; choose a number from 0 to 1")
    check_intensity(float(intensity))
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed < 2**63:
        raise EmoforgeError(f"seed {seed!r} is out of range; choose a whole number from 0")
    return known


@dataclass(frozen=True)
class ConvertedFile:
    """A file that was written.

    Attributes:
        path: of the conversion.
        emotion: what it was converted to.
        duration_s: its length in seconds.
        converter: kind of the converter.
    """

    path: Path
    emotion: str
    duration_s: float
    converter: str


def convert_file(
    recording: Path,
    output: Path,
    *,
    to: str,
    intensity: float = 1.0,
    seed: int = 0,
    converter: str | os.PathLike | EmotionConverter | None = None,
    style: Path | None = None,
) -> ConvertedFile:
    """Convert one neutral recording; whatever its length, no more than a few pieces of it are in memory.

    Args:
        recording: anything that libsndfile reads, up to ten minutes.
        output: a .wav or .flac file, which gets the sampling rate, channels and resolution of the recording.
        to: emotion to convert to, see :func:`convert`.
        intensity: 0 (as recorded) to 1 (all of the emotion).
        seed: another seed gives another performance.
        converter: as for :func:`convert`.
        style: a recording whose style is copied, for converters that can.

    Raises:
        EmoforgeError: the recording cannot be read, is silent or too long, the output cannot be written, the emotion
            is unknown to the converter, or there is no converter. All but what is in the recordings is checked before
            the converter is loaded.
    """
    for source in (recording, style):
        if source is not None:
            check_paths(source, output)
    if isinstance(converter, EmotionConverter):
        name, emotions = converter.name, converter.emotions
    else:
        name, emotions = registry.describe(converter_folder(converter))
    emotion = check_request(name, emotions, to, intensity, seed)
    model = converter if isinstance(converter, EmotionConverter) else load_converter(converter)
    with one_thread():
        reference = None if style is None else style_reference(model, style, emotion)
        with opened(recording) as file:
            heard = model.hear(file, str(recording))
            duration_s = write_conversion(
                model, file, heard, output, emotion=emotion, intensity=intensity, seed=seed, reference=reference
            )
    return ConvertedFile(output, emotion, duration_s, model.name)


def style_reference(model: EmotionConverter, path: Path, emotion: str) -> Utterance:
    """Return the recording at *path* as a style reference; AudioError where it cannot be one."""
    with opened(path) as source:
        return model.hear(source, str(path)).reference(emotion)


def write_conversion(
    model: EmotionConverter,
    source: AudioFile,
    heard: HeardRecording,
    output: Path,
    *,
    emotion: str,
    intensity: float,
    seed: int,
    reference: Utterance | None = None,
    progress: bool = True,
) -> float:
    """Write the conversion of one recording to *output* and return its length in seconds.

    Args:
        model: the converter.
        source: the recording.
        heard: what *model* heard of it.
        output: a .wav or .flac file; it appears when it is whole.
        emotion: one of the converter's.
        intensity: 0 to 1.
        seed: of the performance.
        reference: a style reference.
        progress: show a bar where the recording has several pieces.

    Raises:
        AudioError: the recording is damaged, or the conversion is not finite.
        EmoforgeError: the output cannot be written.
    """
    from tqdm import tqdm

    encoding = output_encoding(output, source.encoding)
    n_chunks = sum(piece.speech for piece in heard.pieces()) if progress else 0
    with (
        tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool,
        tqdm(total=n_chunks, desc="convert", unit="chunk", disable=None if n_chunks > 1 else True) as bar,
    ):
        parts = model.parts(heard, emotion, intensity=intensity, seed=seed, reference=reference, each=bar.update)
        n_samples, loudest = gathered(parts, lambda part: spool.write(np.ascontiguousarray(part, np.float32).tobytes()))
        allowed = heard.peak if encoding in ("FLOAT", "DOUBLE") else min(heard.peak, 1.0)
        level = level_of(loudest, allowed=allowed)
        spool.seek(0)
        try:
            with written_aside(output) as aside:
                write_blocks(
                    aside,
                    _blocks(spool, source.n_channels, level),
                    source.sampling_rate,
                    n_channels=source.n_channels,
                    extension=output.suffix.lower(),
                    encoding=encoding,
                )
        except (OSError, AudioError) as error:
            raise EmoforgeError(f"{output}: cannot be written ({error}); choose another folder") from error
    return n_samples / source.sampling_rate


def _blocks(spool: tempfile.SpooledTemporaryFile, n_channels: int, level: np.float32) -> Iterator[np.ndarray]:
    while block := spool.read(_BLOCK * n_channels * 4):
        yield np.frombuffer(block, dtype=np.float32).reshape(-1, n_channels) * level


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Say which of several recordings it is that cannot be used."""
    try:
        yield
    except AudioError as error:
        raise AudioError(f"{name}: {error}") from error
