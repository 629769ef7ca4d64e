"""Embeddings of a run's clips on disk, by one encoder in all stages."""

import os
from collections.abc import Sequence

from emoforge.base.errors import ManifestError
from emoforge.project.embeddings import embed_clips
from emoforge.project.encoders.loading import load_encoder
from emoforge.project.features import write_embeddings


def write_embedded(
    path: str | os.PathLike,
    store_folder: str | os.PathLike,
    clip_ids: Sequence[str],
    encoder_source: str,
    *,
    like: tuple[str, str] | None = None,
    workers: int | None = None,
) -> None:
    """Embed clips and write their embeddings to the table *path*.

    Args:
        path: of the table, see :func:`emoforge.project.features.write_embeddings`.
        store_folder: of the clips, as for :func:`emoforge.project.embeddings.embed_clips`.
        clip_ids: of the clips.
        encoder_source: of the encoder, see :func:`emoforge.project.encoders.load_encoder`.
        like: name and SHA-256 of the encoder of other embeddings that these will stand beside.
        workers: processes; 0 or None for one on every core.

    Raises:
        ManifestError: the encoder is not the one of *like*; or as for :func:`emoforge.project.embeddings.embed_clips`.
        ModelError: as for :func:`emoforge.project.embeddings.embed_clips`.
    """
    encoder = load_encoder(encoder_source)
    if like is not None and like != (encoder.name, encoder.sha256):
        raise ManifestError(
            f"the recorded clips were embedded by {like[0]} ({like[1][:12]}), and this is {encoder.name} "
            f"({encoder.sha256[:12]}); run `dvc repro --force embed`"
        )
    embeddings = embed_clips(store_folder, clip_ids, encoder_source, workers=workers)
    write_embeddings(path, clip_ids, embeddings, encoder=encoder.name, sha256=encoder.sha256)
