"""One recording converted: any rate, any number of channels, up to ten minutes, in memory for seconds only.

The converter hears what it heard when it learnt: mono, 16 kHz, at the level of ingest. What it decides is then done
to the recording itself, to every channel at its own rate, so that nothing of the recording is lost on the way.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import numpy as np

from emoforge.base.audio import AudioFile, output_encoding, resample_blocks, write_blocks
from emoforge.base.batch import one_thread
from emoforge.base.errors import AudioError, EmoforgeError, ModelError
from emoforge.base.outputs import read_json, written_aside
from emoforge.convert import registry
from emoforge.convert.base import Converter
from emoforge.convert.rendering.render import PEAK, cancels
from emoforge.convert.style import Style
from emoforge.convert.utterance import Utterance
from emoforge.dataset.labels import NEUTRAL, canonical_emotion
from emoforge.dataset.levels import active_level_db, level_gain
from emoforge.project.params import ProsodyParams
from emoforge.prosody.analysis import analyse
from emoforge.recording.pieces import HOP_S, REACH_S, crossfaded, cut, pause_frames

ANALYSIS_RATE = 16000
LONGEST_S = 600.0
#: The converter that comes with emoforge.
SHIPPED = Path(str(files("emoforge"))) / "shipped"

_SILENT_DB = -80.0
_HOP_LENGTH = round(HOP_S * ANALYSIS_RATE)
_BLOCK = 1 << 18
#: Pieces are rendered this much softer than they are, so that none is scaled to keep it from clipping: the recording
#: is, as a whole. A power of two changes no bit of a sample but its exponent.
_HEADROOM = np.float32(2.0**-6)
_SPOOL_BYTES = 1 << 26


@dataclass(frozen=True)
class _Heard:
    """A recording as converters hear it, and what it takes to write one like it.

    Attributes:
        signal: (n_samples,) float32 mono at ANALYSIS_RATE, at the level of ingest.
        pauses: (n_frames,) bool, what :func:`emoforge.recording.pieces.pause_frames` returns for it.
        n_samples: length of the recording at its own rate.
        peak: largest absolute sample of the recording.
    """

    signal: np.ndarray
    pauses: np.ndarray
    n_samples: int
    peak: float


def convert_file(
    recording: Path,
    output: Path,
    *,
    emotion: str,
    intensity: float = 1.0,
    seed: int = 0,
    converter: Path | None = None,
    style: Path | None = None,
) -> str:
    """Convert one neutral recording and return the closing line.

    Args:
        recording: anything that libsndfile reads, up to ten minutes.
        output: a .wav or .flac file, which gets the sampling rate, channels and resolution of the recording.
        emotion: a name of ``emoforge.dataset.labels.EMOTIONS`` or an alias, which the converter can produce.
        intensity: 0 (as recorded) to 1 (all of the style).
        seed: another seed gives another performance.
        converter: folder of a fitted converter; the one that comes with emoforge when omitted.
        style: a recording whose manner is copied, for converters that can.

    Raises:
        EmoforgeError: the recording cannot be read, is silent or too long, the output cannot be written, the emotion
            is unknown to the converter, or there is no converter.
    """
    model, options = _load(converter)
    emotion = canonical_emotion(emotion)
    model.check(emotion, intensity)
    reference = None if style is None else _reference(style, emotion, options)
    for source in (recording, style):
        if source is not None and source.exists() and output.exists() and output.samefile(source):
            raise EmoforgeError(f"{output}: is what is read, and would be overwritten; choose another output")

    def perform(source: Utterance) -> Style:
        if reference is None:
            return model.perform(source, emotion, intensity=intensity, seed=seed).style
        return model.perform_like(source, reference, intensity=intensity, seed=seed).style

    with one_thread(), _opened(recording) as file:
        encoding = output_encoding(output, file.encoding)
        heard = _hear(file)
        parts = _converted(file, heard, model, perform, options, name=str(recording))
        n_samples = _write(output, parts, file, encoding=encoding, peak=heard.peak)
        seconds = n_samples / file.sampling_rate
    return f"{output}: {emotion}, intensity {intensity:g}, {seconds:.2f} s ({model.name})"


def _load(folder: Path | None) -> tuple[Converter, ProsodyParams]:
    """Return a converter and how tracks are made for it: as those were that it learnt from."""
    if folder is None:
        folder = SHIPPED
        if not folder.is_dir():
            raise ModelError(
                f"{folder}: this installation comes without a converter; install emoforge again, or name the folder of "
                "a fitted one by --converter"
            )
    model = registry.load(folder)
    provenance = read_json(folder / "provenance.json")
    if "prosody" not in provenance:
        raise ModelError(f"{folder / 'provenance.json'}: key 'prosody' is missing; fit the converter again")
    return model, ProsodyParams.model_validate(provenance["prosody"])


@contextmanager
def _opened(path: Path) -> Iterator[AudioFile]:
    """Open a recording; what is wrong with it is said with its name."""
    try:
        file = AudioFile(path)
        if file.n_samples > LONGEST_S * file.sampling_rate:
            minutes = file.n_samples / file.sampling_rate / 60
            raise AudioError(
                f"{minutes:.1f} minutes long, at most {LONGEST_S / 60:g} are converted at once; cut it into parts"
            )
        yield file
    except AudioError as error:
        raise EmoforgeError(f"{path}: {error}") from error


def _hear(file: AudioFile) -> _Heard:
    """Read all of a recording, once to measure it and once to hear it, and never more than a block at a time.

    Raises:
        AudioError: it is empty or silent, or cannot be decoded.
    """
    n_samples, peak, mix_energy = 0, 0.0, 0.0
    energy = np.zeros(file.n_channels)
    for block in file.blocks():
        n_samples += len(block)
        peak = max(peak, float(np.abs(block).max()))
        energy += np.sum(np.square(block, dtype=np.float64), axis=0)
        mix_energy += float(np.sum(np.square(block.mean(axis=1, dtype=np.float64))))
    if not n_samples:
        raise AudioError("empty: no samples to convert")
    channel = int(energy.argmax()) if cancels(mix_energy, energy) else None
    mono = (
        block.mean(axis=1, dtype=np.float32) if channel is None else block[:, channel].copy() for block in file.blocks()
    )
    signal = np.concatenate(list(resample_blocks(mono, file.sampling_rate, ANALYSIS_RATE)))
    pauses = pause_frames(signal, ANALYSIS_RATE)
    spoken = signal[: len(pauses) * _HOP_LENGTH].reshape(len(pauses), -1)[~pauses].ravel()
    level_db = active_level_db(spoken, ANALYSIS_RATE)
    if level_db < _SILENT_DB:
        raise AudioError("silent: nothing above -80 dBFS; record it louder")
    gain = level_gain([level_db], peak=float(np.abs(signal).max()))
    return _Heard((signal * gain).astype(np.float32), pauses, n_samples, peak)


def _reference(path: Path, emotion: str, options: ProsodyParams) -> Utterance:
    with _opened(path) as file:
        heard = _hear(file)
    spoken = np.flatnonzero(~heard.pauses)
    signal = heard.signal[spoken[0] * _HOP_LENGTH : (spoken[-1] + 1) * _HOP_LENGTH]
    return _utterance(signal, str(path), emotion, options)


def _utterance(signal: np.ndarray, name: str, emotion: str, options: ProsodyParams) -> Utterance:
    return Utterance(
        clip_id=name,
        speaker=name,
        sentence=None,
        emotion=emotion,
        signal=signal,
        sampling_rate=ANALYSIS_RATE,
        tracks=analyse(signal, ANALYSIS_RATE, **options.model_dump()),
    )


def _converted(
    file: AudioFile,
    heard: _Heard,
    model: Converter,
    perform: Callable[[Utterance], Style],
    options: ProsodyParams,
    *,
    name: str,
) -> Iterator[np.ndarray]:
    """Yield the converted recording, (n_samples, n_channels) float32 times ``_HEADROOM``, piece by piece."""
    from tqdm import tqdm

    pieces = cut(heard.signal, ANALYSIS_RATE, heard.pauses)
    reach = round(REACH_S * file.sampling_rate)
    cuts = [0, *(round(piece.start * HOP_S * file.sampling_rate) for piece in pieces[1:]), heard.n_samples]
    bounds = [(max(start - reach, 0), min(stop + reach, heard.n_samples)) for start, stop in pairwise(cuts)]

    def parts() -> Iterator[np.ndarray]:
        n_chunks = sum(piece.speech for piece in pieces)
        with tqdm(total=n_chunks, desc="convert", unit="chunk", disable=None if n_chunks > 1 else True) as bar:
            for piece, (start, stop), recorded in zip(pieces, bounds, file.spans(bounds), strict=True):
                signal = recorded * _HEADROOM
                if not piece.speech:
                    yield signal
                    continue
                source = _utterance(_slice(heard, start, stop, file.sampling_rate), name, NEUTRAL, options)
                style = _without_stretch(perform(source), source, heard.pauses, start / file.sampling_rate)
                source = replace(source, signal=signal, sampling_rate=file.sampling_rate)
                yield model.synthesise(source, style)
                bar.update()

    return crossfaded(parts(), 2 * reach)


def _slice(heard: _Heard, start: int, stop: int, sampling_rate: int) -> np.ndarray:
    """The part of what is heard between two samples of the recording, never longer than that."""
    first = round(start * ANALYSIS_RATE / sampling_rate)
    length = (stop - start) * ANALYSIS_RATE // sampling_rate
    return heard.signal[first : first + max(length, 1)]


def _without_stretch(style: Style, source: Utterance, pauses: np.ndarray, start_s: float) -> Style:
    """*style* with long pauses as long as they were, and its ends, which neighbours share, in their own time."""
    tracks = source.tracks
    time_s = np.arange(tracks.n_frames) * tracks.hop_s
    paused = pauses[np.clip(((start_s + time_s) / HOP_S).astype(int), 0, len(pauses) - 1)]
    shared = 2 * REACH_S + tracks.hop_s
    ends = (time_s < shared) | (time_s > time_s[-1] - shared)
    return replace(style, stretch_log2=np.where(paused | ends, 0.0, style.stretch_log2))


def _write(output: Path, parts: Iterator[np.ndarray], file: AudioFile, *, encoding: str, peak: float) -> int:
    """Write *parts*, brought back to the level of the recording, and return how many samples they have."""
    extension = output.suffix.lower()
    n_samples, loudest = 0, 0.0
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
        for part in parts:
            if not np.isfinite(part).all():
                raise AudioError("conversion gave samples that are not finite; try another seed or converter")
            n_samples += len(part)
            loudest = max(loudest, float(np.abs(part).max(initial=0.0) / _HEADROOM))
            spool.write(np.ascontiguousarray(part, dtype=np.float32).tobytes())
        allowed = max(PEAK, peak if encoding in ("FLOAT", "DOUBLE") else min(peak, 1.0))
        gain = np.float32(min(1.0, allowed / max(loudest, 1e-9)) / _HEADROOM)
        spool.seek(0)
        try:
            with written_aside(output) as aside:
                blocks = _blocks(spool, file.n_channels, gain)
                write_blocks(
                    aside,
                    blocks,
                    file.sampling_rate,
                    n_channels=file.n_channels,
                    extension=extension,
                    encoding=encoding,
                )
        except (OSError, AudioError) as error:
            raise EmoforgeError(f"{output}: cannot be written ({error}); choose another folder") from error
    return n_samples


def _blocks(spool: tempfile.SpooledTemporaryFile, n_channels: int, gain: np.float32) -> Iterator[np.ndarray]:
    while block := spool.read(_BLOCK * n_channels * 4):
        yield np.frombuffer(block, dtype=np.float32).reshape(-1, n_channels) * gain
