"""Decode, resample and encode: the only module that knows soundfile and soxr.

Everything inside emoforge is mono float32 in [-1, 1]; everything stored is 16-bit FLAC.
"""

import hashlib
import io
import os
from pathlib import Path

import numpy as np
import soundfile
import soxr

from emoforge.errors import AudioError

_FULL_SCALE = 32768.0


def decode(
    source: str | os.PathLike | bytes, *, start_s: float | None = None, end_s: float | None = None
) -> tuple[np.ndarray, int]:
    """Read a recording, or a part of it, and mix it down to mono.

    Args:
        source: a path to anything that libsndfile reads, or the bytes of such a file.
        start_s: where to begin, in seconds; the beginning when omitted.
        end_s: where to stop, in seconds; the end when omitted.

    Returns:
        signal (n_samples,) float32 in [-1, 1] and its sampling rate in Hz.

    Raises:
        AudioError: the file is missing, corrupt or empty, or holds no samples between the two times.
    """
    if not isinstance(source, bytes) and not Path(source).exists():
        raise AudioError("missing: no such file")
    try:
        with soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else os.fspath(source)) as file:
            sampling_rate = file.samplerate
            start = round((start_s or 0.0) * sampling_rate)
            stop = file.frames if end_s is None else round(end_s * sampling_rate)
            if not 0 <= start < min(stop, file.frames):
                raise AudioError("empty: no samples to read")
            file.seek(start)
            signal = file.read(min(stop, file.frames) - start, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"corrupt: cannot be decoded ({_first_line(error)})") from error
    if not signal.size:
        raise AudioError("empty: no samples to read")
    if not np.isfinite(signal).all():
        raise AudioError("corrupt: holds samples that are not finite")
    return signal.mean(axis=1, dtype=np.float32), sampling_rate


def resample(signal: np.ndarray, sampling_rate: int, target_rate: int) -> np.ndarray:
    """Return *signal* (n_samples,) float32 at *target_rate* Hz (soxr, high quality, linear phase)."""
    if sampling_rate == target_rate:
        return signal
    return soxr.resample(signal, sampling_rate, target_rate, quality="HQ").astype(np.float32, copy=False)


def to_pcm16(signal: np.ndarray) -> np.ndarray:
    """Return *signal* rounded to the 16-bit integers that are stored; what lies outside [-1, 1) is clipped."""
    return np.clip(np.rint(signal * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)


def encode_flac(signal: np.ndarray, sampling_rate: int) -> bytes:
    """Return *signal* (n_samples,) as the bytes of a 16-bit mono FLAC file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, to_pcm16(signal), sampling_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def write(path: str | os.PathLike, signal: np.ndarray, sampling_rate: int) -> None:
    """Write *signal* (n_samples,) or (n_samples, n_channels) as 16-bit audio; the extension names the format.

    Raises:
        AudioError: the extension is none that libsndfile writes, or the file cannot be written.
    """
    try:
        soundfile.write(os.fspath(path), to_pcm16(signal), sampling_rate, subtype="PCM_16")
    except (soundfile.SoundFileError, ValueError, TypeError, OSError) as error:
        raise AudioError(
            f"{os.fspath(path)}: cannot be written ({_first_line(error)}); use .wav or .flac in a folder that exists"
        ) from error


def pcm_sha256(signal: np.ndarray, sampling_rate: int) -> str:
    """Return the SHA-256 of the stored samples and their rate: equal for equal sound, whatever file held it."""
    digest = hashlib.sha256(f"pcm16:{sampling_rate}:".encode())
    digest.update(to_pcm16(signal).astype("<i2").tobytes())
    return digest.hexdigest()


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
