"""Every quality score of a chunk of converted clips, as the columns that the manifest takes."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from emoforge.base.errors import AudioError, EmoforgeError
from emoforge.prosody.f0 import f0
from emoforge.quality.content import content_error
from emoforge.quality.naturalness import Dnsmos
from emoforge.quality.signal import signal_checks
from emoforge.quality.speaker import SpeakerEncoder, similarity

#: The columns that :func:`score_batch` returns, in this order.
COLUMNS = (
    "naturalness",
    "naturalness_signal",
    "naturalness_background",
    "speaker_similarity",
    "content_error",
    "clipping_share",
    "silence_share",
    "duration_ratio",
    "f0_median_hz",
    "f0_range_st",
)


@lru_cache(maxsize=1)
def shared_dnsmos() -> Dnsmos:
    """Return this process's DNSMOS, loaded at the first call."""
    return Dnsmos()


@lru_cache(maxsize=1)
def shared_encoder() -> SpeakerEncoder:
    """Return this process's speaker encoder, loaded at the first call."""
    return SpeakerEncoder()


def score_batch(
    converted: Sequence[np.ndarray],
    sources: Sequence[np.ndarray],
    reference_embeddings: np.ndarray,
    sampling_rate: int,
    *,
    dnsmos: Dnsmos | None = None,
    encoder: SpeakerEncoder | None = None,
    f0_hz: Sequence[np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Score converted clips; no threshold is applied here.

    A clip's scores do not depend on the other clips, so chunks and workers may be cut anywhere.

    Args:
        converted: n clips, each (n_samples,) in [-1, 1].
        sources: the n clips that they were made from.
        reference_embeddings: (n, 256), for each clip the mean embedding of other neutral clips of its speaker; NaN
            where a speaker has none.
        sampling_rate: of all clips, 16000 Hz.
        dnsmos: a loaded network; None for the one that this process shares.
        encoder: a loaded encoder; None for the one that this process shares.
        f0_hz: F0 tracks of the converted clips, NaN where unvoiced; None to analyse them here.

    Returns:
        :data:`COLUMNS`, each (n,) float32, NaN where a clip cannot be scored: naturalness, naturalness_signal and
        naturalness_background are DNSMOS ratings from about 1 to 5; speaker_similarity is a cosine; content_error is
        0 to 1; the rest as in :class:`emoforge.quality.signal.SignalReport`.

    Raises:
        EmoforgeError: the arguments differ in length, or the sampling rate is not 16000 Hz.
    """
    reference_embeddings = np.asarray(reference_embeddings)
    if not len(converted) == len(sources) == len(reference_embeddings):
        raise EmoforgeError(
            f"{len(converted)} converted clips, {len(sources)} sources and {len(reference_embeddings)} reference "
            "embeddings; pass one of each for every clip"
        )
    dnsmos = dnsmos or shared_dnsmos()
    encoder = encoder or shared_encoder()
    ratings = dnsmos.score(converted, sampling_rate)
    columns = {name: np.full(len(converted), np.nan, dtype=np.float32) for name in COLUMNS}
    columns["naturalness"][:] = ratings[:, 2]
    columns["naturalness_signal"][:] = ratings[:, 0]
    columns["naturalness_background"][:] = ratings[:, 1]
    if len(converted):
        columns["speaker_similarity"][:] = similarity(encoder.embed(converted, sampling_rate), reference_embeddings)
    for row, (signal, source) in enumerate(zip(converted, sources, strict=True)):
        columns["content_error"][row] = content_error(source, signal, sampling_rate)
        track = _f0_or_none(signal, sampling_rate) if f0_hz is None else f0_hz[row]
        report = signal_checks(signal, source, sampling_rate, f0_hz_converted=track)
        for name in ("clipping_share", "silence_share", "duration_ratio", "f0_median_hz", "f0_range_st"):
            columns[name][row] = getattr(report, name)
    return columns


def _f0_or_none(signal: np.ndarray, sampling_rate: int) -> np.ndarray | None:
    try:
        return f0(signal, sampling_rate)
    except AudioError:
        # Empty or not finite: its scores are NaN, and one clip must not stop the chunk.
        return None
