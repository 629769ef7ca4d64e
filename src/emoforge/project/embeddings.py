"""Clips of a store as an encoder hears them, on as many cores as there are, with the same bytes on any number."""

import os
from collections.abc import Sequence
from functools import partial

import numpy as np

from emoforge.base.batch import chunked, map_chunks
from emoforge.base.errors import AudioError
from emoforge.dataset.clips import open_clips
from emoforge.project.encoders import load_encoder

# A row group of the store is read once.
_CHUNK_CLIPS = 16


def embed_clips(
    store_folder: str | os.PathLike, clip_ids: Sequence[str], encoder_source: str, *, workers: int | None = None
) -> np.ndarray:
    """Return what an encoder makes of clips of the store in *store_folder*.

    Args:
        store_folder: holds ``clips-*.parquet``.
        clip_ids: of clips at 16 kHz.
        encoder_source: see :func:`emoforge.project.encoders.load_encoder`.
        workers: processes; 0 or None for one on every core.

    Returns:
        (n_clips, n_layers, 2 * width) float32 in the order of *clip_ids*, see
        :meth:`emoforge.ser.encoders.encoder.Encoder.embed`.

    Raises:
        ManifestError: there is no such store, or it lacks a clip.
        ModelError: as for :func:`load_encoder`.
        AudioError: a clip cannot be embedded; the line names it.
    """
    # Here first: where the encoder cannot be loaded, no worker is started.
    encoder = load_encoder(encoder_source)
    order = sorted(range(len(clip_ids)), key=_places(store_folder, clip_ids).__getitem__)
    chunks = chunked(order, _CHUNK_CLIPS)
    work = [[clip_ids[row] for row in chunk] for chunk in chunks]
    embeddings = np.zeros((len(clip_ids), encoder.n_layers, 2 * encoder.width), dtype=np.float32)
    embed = partial(_embed_chunk, os.fspath(store_folder), encoder_source)
    sizes = [len(chunk) for chunk in chunks]
    found = map_chunks(embed, work, workers=workers, description=f"{encoder.name}", unit="clip", sizes=sizes)
    for chunk, rows in zip(chunks, found, strict=True):
        embeddings[list(chunk)] = rows
    return embeddings


def _places(store_folder: str | os.PathLike, clip_ids: Sequence[str]) -> list[int]:
    """Return where each clip stands in the order of the store."""
    in_order = {clip_id: place for place, clip_id in enumerate(open_clips(store_folder).in_order(clip_ids))}
    return [in_order[clip_id] for clip_id in clip_ids]


def _embed_chunk(store_folder: str, encoder_source: str, clip_ids: Sequence[str]) -> np.ndarray:
    from emoforge.ser.encoders.encoder import SAMPLING_RATE, checked

    store = open_clips(store_folder)
    signals = []
    for clip_id in clip_ids:
        try:
            signals.append(checked(*store.read(clip_id)))
        except AudioError as error:
            raise AudioError(f"clip {clip_id}: {error}") from None
    return load_encoder(encoder_source).embed(signals, SAMPLING_RATE)
