"""What the encoder of params.yaml makes of recordings and conversions, for the judge and the probe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emoforge.dataset.clips import ClipStore
from emoforge.experiments.cache import Cache, Entry, Part
from emoforge.experiments.conversion.design import Condition, Design
from emoforge.experiments.corpora import embed_prepared
from emoforge.project.checksums import digest
from emoforge.project.encoders import load_encoder


@dataclass(frozen=True, slots=True)
class _Conversions:
    """Conversions that a worker embeds: clips of the store in *folder*, by the encoder *source*."""

    source: str
    folder: Path
    clip_ids: Sequence[str]
    part: Part


def embed_recorded(design: Design, cache: Cache) -> dict[str, Entry]:
    """Return the entry with the embeddings of every evaluated corpus, by name; none where params name no encoder.

    Raises:
        ModelError: the encoder's weights are missing or damaged.
    """
    if not design.params.encoder:
        return {}
    corpora = {name: design.corpora[name] for name in design.rotations}
    return {
        name: embed_prepared(corpus, encoder=design.params.encoder, cache=cache) for name, corpus in corpora.items()
    }


def embed_converted(design: Design, conversions: Mapping[Condition, Entry], cache: Cache) -> dict[Condition, Entry]:
    """Return the entry with the embeddings of every condition's conversions; none where params name no encoder.

    Args:
        design: of the evaluation.
        conversions: what :func:`emoforge.experiments.conversion.conversions.convert_all` made.
        cache: of the evaluation.

    Raises:
        ModelError: the encoder's weights are missing or damaged.
    """
    source = design.params.encoder
    if not source:
        return {}
    entries, todo = {}, []
    for condition, converted in conversions.items():
        made = [(row["clip_id"], row["audio_sha256"]) for row in converted.rows() if not row["reason"]]
        entries[condition] = entry = cache.entry(
            "embedded",
            _embed,
            name=condition.name,
            key={"clips": digest(made), "encoder": load_encoder(source).sha256},
        )
        if not entry.part(0).is_whole():
            todo.append(_Conversions(source, converted.folder, [clip_id for clip_id, _ in made], entry.part(0)))
    cache.fill(_embed, todo, description="embed", unit="clip", sizes=[len(job.clip_ids) for job in todo])
    return entries


def _embed(job: _Conversions) -> None:
    encoder, store = load_encoder(job.source), ClipStore(job.folder)
    # One at a time: on a CPU a clip passes the encoder by itself anyway, and few need lie in memory.
    rows = []
    for clip_id in job.clip_ids:
        signal, sampling_rate = store.read(clip_id)
        (values,) = encoder.embed([signal], sampling_rate)
        rows.append({"clip_id": clip_id, "n_layers": values.shape[0], "values": values.astype("<f4").tobytes()})
    job.part.write(rows)
