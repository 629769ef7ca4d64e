"""The conversions of an evaluation: every system on the same sources, kept with their audio."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from emoforge.base.batch import chunked
from emoforge.base.errors import EmoforgeError
from emoforge.convert import registry
from emoforge.convert.ablation import without
from emoforge.convert.base import Performer
from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.cache import Cache, Entry, Part
from emoforge.experiments.conversion.design import Condition, Design
from emoforge.experiments.conversion.sources import plan_conversions
from emoforge.project.checksums import digest, folder_sha256
from emoforge.project.conversions import ConversionJob, convert_jobs
from emoforge.project.layout import Layout
from emoforge.project.utterances import open_utterances

#: Conversions per part: what a killed process loses.
_CHUNK = 16


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What a worker converts: planned rows of one corpus by one system.

    Attributes:
        layout: of the corpus.
        corpus_key: checksum of the corpus.
        model: folder of the converter.
        checksum: of that folder.
        left_out: part that the system goes without, "" for the whole.
        rows: see :func:`plan_conversions`.
        part: where rows and clips are kept.
    """

    layout: Layout
    corpus_key: str
    model: Path
    checksum: str
    left_out: str
    rows: Sequence[dict]
    part: Part


def convert_all(design: Design, converters: Mapping[Condition, Path], cache: Cache) -> dict[Condition, Entry]:
    """Convert what is not converted yet.

    Args:
        design: of the evaluation.
        converters: model folder of each condition.
        cache: of the evaluation.

    Returns:
        condition → entry with the clips and one row per planned conversion: that of :func:`plan_conversions` with
        `reason` ("" where there is a clip), `audio_sha256` and `duration_s`.

    Raises:
        EmoforgeError: a condition has nothing to convert.
    """
    checksums = {model: folder_sha256(model) for model in dict.fromkeys(converters.values())}
    emotions = {model: registry.load(model).emotions for model in checksums}
    entries, todo = {}, []
    for condition, model in converters.items():
        corpus, system = design.corpora[condition.corpus], condition.system
        rows = _planned(design, condition, emotions[model])
        entries[condition] = entry = cache.entry(
            "converted",
            _convert,
            name=condition.name,
            key={
                "corpus": corpus.key,
                "converter": checksums[model],
                "without": system.part,
                "rows": digest(rows),
                "chunk": _CHUNK,
            },
        )
        for number, chunk in enumerate(chunked(rows, _CHUNK)):
            part = entry.part(number)
            if not part.is_whole(audio=True):
                todo.append(_Chunk(corpus.layout, corpus.key, model, checksums[model], system.part, chunk, part))
    cache.fill(_convert, todo, description="convert", unit="clip", sizes=[len(chunk.rows) for chunk in todo])
    return entries


def _planned(design: Design, condition: Condition, emotions: Sequence[str]) -> list[dict]:
    """Return the planned rows into those *emotions* of the converter that the corpus's judges know."""
    known = design.emotions(condition.corpus)
    rows = plan_conversions(
        design.sources[condition.corpus, condition.rotation],
        [name for name in emotions if name != NEUTRAL and name in known],
        variants=design.protocol.variants,
        seed=design.protocol.seed,
    )
    if not rows:
        raise EmoforgeError(
            f"{condition.corpus}, rotation {condition.rotation}: nothing to convert; its speakers need neutral clips "
            f"beside those that enrol, and {condition.trained_on} an emotion that {condition.corpus} has too"
        )
    return rows


def _convert(chunk: _Chunk) -> None:
    converter = _open_system(chunk.model, chunk.checksum, chunk.left_out)
    utterances = open_utterances(chunk.layout, chunk.corpus_key)
    results = convert_jobs(converter, utterances, [ConversionJob.of(row) for row in chunk.rows])
    rows, clips = [], []
    for row, result in zip(chunk.rows, results, strict=True):
        measured = {name: getattr(result, name) for name in ("reason", "audio_sha256", "duration_s")}
        rows.append(row | measured)
        if not result.reason:
            clips.append((row["clip_id"], result.signal))
    chunk.part.write(rows, clips=clips, sampling_rate=results[0].sampling_rate)


@lru_cache(maxsize=2)
def _open_system(model: Path, checksum: str, left_out: str) -> Performer:
    """Return converter and sources, opened once per process; *checksum* tells one content of *model* from another."""
    converter = registry.load(model)
    return without(converter, left_out) if left_out else converter
