"""What a pretrained encoder makes of the clips of a corpus, kept part by part, so that a killed run continues."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from emoforge.base.batch import chunked
from emoforge.experiments.cache import Cache, Entry
from emoforge.project.embeddings import embed_clips
from emoforge.project.encoders import load_encoder

#: Clips of a part: what a killed process loses.
_CHUNK = 512


def embed_corpus(name: str, folder: Path, clip_ids: Sequence[str], *, audio: str, encoder: str, cache: Cache) -> Entry:
    """Embed clips, unless that was done, and return the entry that holds what the encoder made of them.

    Args:
        name: of the corpus, for the progress bar.
        folder: of the clip store.
        clip_ids: of clips in it.
        audio: checksum of these clips.
        encoder: source of the encoder, see :func:`emoforge.project.encoders.load_encoder`.
        cache: where the entry is kept.

    Raises:
        ModelError: the encoder is not there, or damaged.
    """
    entry = cache.entry("embeddings", embed_clips, key={"audio": audio, "encoder": load_encoder(encoder).sha256})
    chunks = list(enumerate(chunked(clip_ids, _CHUNK)))
    missing = [(number, chunk) for number, chunk in chunks if not entry.part(number).is_whole()]
    if missing:
        cache.report(f"embed {name}", sum(len(chunk) for _, chunk in missing), "clip")
    for number, chunk in missing:
        found = embed_clips(folder, chunk, encoder, workers=cache.workers)
        entry.part(number).write(
            [
                {"clip_id": clip_id, "n_layers": values.shape[0], "values": values.astype("<f4").tobytes()}
                for clip_id, values in zip(chunk, found, strict=True)
            ]
        )
    return entry


def read_embeddings(entries: Iterable[Entry]) -> dict[str, np.ndarray]:
    """Return clip_id → (n_layers, n_values) float32 of all clips in *entries*."""
    return {
        row["clip_id"]: np.frombuffer(row["values"], "<f4").reshape(row["n_layers"], -1)
        for entry in entries
        for row in entry.rows()
    }


def stacked(embeddings: Mapping[str, np.ndarray], clip_ids: Sequence[str]) -> np.ndarray:
    """Return (n_clips, n_layers, n_values), also where nobody is asked for."""
    shape = next(iter(embeddings.values())).shape
    found = np.zeros((len(clip_ids), *shape), dtype=np.float32)
    for row, clip_id in enumerate(clip_ids):
        found[row] = embeddings[clip_id]
    return found
