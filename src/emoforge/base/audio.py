"""Decode, resample and encode: the only module that knows soundfile and soxr.

Everything inside emoforge is mono float32 in [-1, 1]; everything stored is 16-bit FLAC.
"""

import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr

from emoforge.base.errors import AudioError, EmoforgeError

_FULL_SCALE = 32768.0
_BLOCK = 1 << 18


def decode(
    source: str | os.PathLike | bytes, *, start_s: float | None = None, end_s: float | None = None
) -> tuple[np.ndarray, int]:
    """Read a recording, or a part of it, and mix it down to mono.

    Args:
        source: a path to anything that libsndfile reads, or the bytes of such a file.
        start_s: where to begin, in seconds; the beginning when omitted.
        end_s: where to stop, in seconds; the end when omitted.

    Returns:
        signal (n_samples,) float32 in [-1, 1], as :func:`mono_mix` makes it, and its sampling rate in Hz.

    Raises:
        AudioError: the file is missing, corrupt or empty, or holds no samples between the two times.
    """
    if not isinstance(source, bytes) and not Path(source).exists():
        raise AudioError("missing: no such file")
    with (
        _decoding(),
        soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else os.fspath(source)) as file,
    ):
        sampling_rate = file.samplerate
        start = round((start_s or 0.0) * sampling_rate)
        stop = file.frames if end_s is None else round(end_s * sampling_rate)
        if not 0 <= start < min(stop, file.frames):
            raise AudioError("empty: no samples to read")
        file.seek(start)
        signal = _read(file, min(stop, file.frames) - start)
    if not signal.size:
        raise AudioError("empty: no samples to read")
    return mono_mix(signal), sampling_rate


def mono_mix(signal: np.ndarray) -> np.ndarray:
    """Return (n_samples,) float32, the mean of the channels, or where they cancel each other the loudest of them.

    Args:
        signal: (n_samples,) or (n_samples, n_channels) float32.
    """
    if signal.ndim == 1:
        return signal
    mix = signal.mean(axis=1, dtype=np.float32)
    if signal.shape[1] == 1 or not len(signal):
        return mix
    power = np.mean(np.square(signal, dtype=np.float64), axis=0)
    cancelled = cancels(float(np.mean(np.square(mix, dtype=np.float64))), power)
    return np.ascontiguousarray(signal[:, power.argmax()]) if cancelled else mix


def cancels(mix_power: float, channel_power: np.ndarray) -> bool:
    """Return whether a mix lies so far (10 dB) below its channels that they must be of opposite phase."""
    return bool(mix_power < 0.1 * channel_power.mean())


def resample(signal: np.ndarray, sampling_rate: int, target_rate: int) -> np.ndarray:
    """Return *signal* (n_samples,) or (n_samples, n_channels) float32 at *target_rate* Hz.

    The resampler is soxr, high quality, linear phase.
    """
    if sampling_rate == target_rate:
        return signal
    return soxr.resample(signal, sampling_rate, target_rate, quality="HQ").astype(np.float32, copy=False)


def resample_blocks(blocks: Iterable[np.ndarray], sampling_rate: int, target_rate: int) -> Iterator[np.ndarray]:
    """Yield consecutive *blocks* (n_samples,) float32 of one signal at *target_rate* Hz, as :func:`resample` would."""
    if sampling_rate == target_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(sampling_rate, target_rate, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.empty(0, dtype=np.float32), last=True)


class AudioFile:
    """A recording that is read in parts, with all its channels and at its own rate.

    Attributes:
        sampling_rate: in Hz.
        n_samples: length of each channel, as the file's header says.
        n_channels: number of channels.
        encoding: libsndfile's name of how samples are stored, such as ``"PCM_16"``.

    Raises:
        AudioError: the file is missing, or nothing that libsndfile reads.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        if not Path(path).exists():
            raise AudioError("missing: no such file")
        self._path = os.fspath(path)
        with _decoding(), soundfile.SoundFile(self._path) as file:
            self.sampling_rate: int = file.samplerate
            self.n_samples: int = file.frames
            self.n_channels: int = file.channels
            self.encoding: str = file.subtype

    def blocks(self, n_samples: int = _BLOCK) -> Iterator[np.ndarray]:
        """Yield the whole file in blocks of *n_samples*, (n_samples, n_channels) float32, the last one shorter.

        Raises:
            AudioError: the file is damaged, or holds samples that are not finite.
        """
        with _decoding(), soundfile.SoundFile(self._path) as file:
            while len(block := _read(file, n_samples)):
                yield block

    def spans(self, bounds: Iterable[tuple[int, int]]) -> Iterator[np.ndarray]:
        """Yield (n_samples, n_channels) float32 for every first and last sample (exclusive) of *bounds*.

        No span begins before the one before it did. The file is read in blocks from its beginning, since compressed
        formats seek inexactly.

        Raises:
            AudioError: the file is damaged or ends too early, or holds samples that are not finite.
        """
        blocks = self.blocks()
        held, first = np.empty((0, self.n_channels), dtype=np.float32), 0
        for start, stop in bounds:
            parts = [held[start - first :]]
            first, end = start, first + len(held)
            while end < stop:
                block = next(blocks, None)
                if block is None:
                    raise AudioError("corrupt: ends before its last sample")
                parts.append(block)
                end += len(block)
            held = np.concatenate(parts)
            yield held[: stop - start]


@contextmanager
def _decoding() -> Iterator[None]:
    try:
        yield
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"corrupt: cannot be decoded ({_first_line(error)})") from error


def _read(file: soundfile.SoundFile, n_samples: int) -> np.ndarray:
    signal = file.read(n_samples, dtype="float32", always_2d=True)
    if not np.isfinite(signal).all():
        raise AudioError("corrupt: holds samples that are not finite")
    return signal


#: Formats that recordings are written in, with the encodings that keep all of a recording's bits.
_ENCODINGS = {".wav": ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"), ".flac": ("PCM_16", "PCM_24")}
_FINER_THAN_16_BIT = ("PCM_24", "PCM_32", "FLOAT", "DOUBLE")


def output_encoding(path: str | os.PathLike, source_encoding: str) -> str:
    """Return how to store at *path* what was stored as *source_encoding*: as it was, else with 24 or 16 bits.

    Raises:
        EmoforgeError: the extension is none that recordings are written with.
    """
    extension = Path(path).suffix.lower()
    if extension not in _ENCODINGS:
        raise EmoforgeError(
            f"{os.fspath(path)}: the extension {extension or '(none)'} names no format to write; "
            f"use {' or '.join(_ENCODINGS)}"
        )
    if source_encoding in _ENCODINGS[extension]:
        return source_encoding
    return "PCM_24" if source_encoding in _FINER_THAN_16_BIT else "PCM_16"


def write_blocks(
    path: str | os.PathLike,
    blocks: Iterable[np.ndarray],
    sampling_rate: int,
    *,
    n_channels: int,
    extension: str,
    encoding: str,
) -> None:
    """Write consecutive *blocks* (n_samples, n_channels) float32 of one recording.

    Args:
        path: the file.
        blocks: the samples.
        sampling_rate: in Hz.
        n_channels: number of channels.
        extension: ``".wav"`` or ``".flac"``, which names the format whatever *path* ends with.
        encoding: what :func:`output_encoding` returned.

    Raises:
        AudioError: the file cannot be written.
    """
    try:
        with soundfile.SoundFile(
            os.fspath(path), "w", sampling_rate, n_channels, encoding, format=extension[1:].upper()
        ) as file:
            for block in blocks:
                file.write(to_pcm16(block) if encoding == "PCM_16" else block)
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"{os.fspath(path)}: cannot be written ({_first_line(error)})") from error


def to_pcm16(signal: np.ndarray) -> np.ndarray:
    """Return *signal* rounded to the 16-bit integers that are stored; what lies outside [-1, 1) is clipped."""
    return np.clip(np.rint(signal * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)


def encode_flac(signal: np.ndarray, sampling_rate: int) -> bytes:
    """Return *signal* (n_samples,) as the bytes of a 16-bit mono FLAC file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, to_pcm16(signal), sampling_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def pcm_sha256(signal: np.ndarray, sampling_rate: int) -> str:
    """Return the SHA-256 of the stored samples and their rate: equal for equal sound, whatever file held it."""
    digest = hashlib.sha256(f"pcm16:{sampling_rate}:".encode())
    digest.update(to_pcm16(signal).astype("<i2").tobytes())
    return digest.hexdigest()


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
