"""Quality of one conversion, by the scorers that every clip of the pipeline goes through."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emoforge.base.batch import one_thread
from emoforge.base.errors import AudioError
from emoforge.dataset.intake import audible_level_db, listen
from emoforge.dataset.levels import level_gain, trim_silence
from emoforge.quality.scoring import score_batch, shared_encoder
from emoforge.recording.signals import ANALYSIS_RATE, ArrayRecording


@dataclass(frozen=True)
class Scores:
    """Quality of a conversion; NaN where something cannot be measured.

    Attributes:
        naturalness: DNSMOS P.835 overall, a predicted rating from about 1 (bad) to 5 (excellent).
        naturalness_signal: the same of the speech alone.
        naturalness_background: the same of the background alone.
        speaker_similarity: cosine of speaker embeddings, -1 to 1.
        content_error: 0 (the words of the source) to 1 (others).
        clipping_share: share of samples, 0 to 1, that are clipped.
        silence_share: share of silent frames, 0 to 1.
        duration_ratio: length over that of the source, both without outer silence.
        f0_median_hz: median F0 of the voiced frames, in Hz.
        f0_range_st: from the 5th to the 95th percentile of F0, in semitones.
    """

    naturalness: float
    naturalness_signal: float
    naturalness_background: float
    speaker_similarity: float
    content_error: float
    clipping_share: float
    silence_share: float
    duration_ratio: float
    f0_median_hz: float
    f0_range_st: float


def score(
    signal: np.ndarray,
    sampling_rate: int,
    *,
    source: tuple[np.ndarray, int],
    neutral: Sequence[tuple[np.ndarray, int]] = (),
) -> Scores:
    """Return how natural a conversion is, whose voice it carries, and whether its words are those of its source.

    Both are heard as clips of a corpus are: mono, 16 kHz, without outer silence, the source at the level of neutral
    speech and the conversion as much louder or softer as it is.

    Args:
        signal: the conversion, (n_samples,) or (n_samples, n_channels), floating point in [-1, 1], up to ten minutes.
        sampling_rate: of *signal*, 8000 to 384000 Hz. Telephone speech (8000 Hz) is rated as less natural.
        source: signal and sampling rate of the recording that was converted.
        neutral: signals and sampling rates of other neutral recordings of the speaker, whose mean embedding the voice
            is compared with; the source's own when omitted, which is a little kinder.

    Raises:
        AudioError: one of the signals is empty, silent, not finite, not floating point, longer than ten minutes, or
            has its axes swapped; or a sampling rate is out of range. The line says which.

    Examples:
        >>> import emoforge
        >>> import numpy as np
        >>> from emoforge.prosody.synthetic import voice
        >>> sampling_rate = 16000
        >>> signal = voice(np.linspace(140, 100, sampling_rate), sampling_rate)
        >>> scores = emoforge.score(signal, sampling_rate, source=(signal, sampling_rate))
        >>> scores.content_error, scores.duration_ratio
        (0.0, 1.0)
        >>> 1 <= scores.naturalness <= 5
        True
    """
    with one_thread():
        converted, _ = _heard("the conversion", signal, sampling_rate)
        original, level_db = _heard("source", *source)
        gain = level_gain([level_db], peak=max(float(np.abs(part).max()) for part in (converted, original)))
        voices = [_heard("neutral", *recording)[0] for recording in neutral] or [original]
        embeddings = shared_encoder().embed(voices, ANALYSIS_RATE)
        columns = score_batch(
            [(converted * gain).astype(np.float32)],
            [(original * gain).astype(np.float32)],
            embeddings.mean(axis=0, keepdims=True),
            ANALYSIS_RATE,
        )
    return Scores(**{name: float(values[0]) for name, values in columns.items()})


def _heard(name: str, signal: np.ndarray, sampling_rate: int) -> tuple[np.ndarray, float]:
    try:
        mono = trim_silence(listen(ArrayRecording(signal, sampling_rate), ANALYSIS_RATE).signal, ANALYSIS_RATE)
        return mono, audible_level_db(mono, ANALYSIS_RATE)
    except AudioError as error:
        raise AudioError(f"{name}: {error}") from error
