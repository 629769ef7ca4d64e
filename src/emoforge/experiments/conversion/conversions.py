"""The conversions of an evaluation: every system on the same sources, kept with their audio."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from emoforge.base.audio import pcm_sha256
from emoforge.base.batch import chunked
from emoforge.base.errors import EmoforgeError
from emoforge.convert import registry
from emoforge.convert.ablation import without
from emoforge.convert.base import Converter, Performer
from emoforge.convert.ladder import climb
from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.cache import Cache, Entry, Part
from emoforge.experiments.conversion.design import Condition, Design
from emoforge.experiments.conversion.protocol import System
from emoforge.experiments.conversion.sources import plan_conversions, plan_takes
from emoforge.project.checksums import digest, folder_sha256
from emoforge.project.conversions import ConversionJob, Converted, convert_jobs
from emoforge.project.layout import Layout
from emoforge.project.utterances import UtteranceStore, open_utterances

#: Conversions per part: what a killed process loses.
_CHUNK = 16


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What a worker converts: planned rows of one corpus by one system.

    Attributes:
        layout: of the corpus.
        corpus_key: checksum of the corpus.
        system: that converts.
        model: folder of the converter; None for a reference.
        checksum: of that folder; "" likewise.
        rows: see :func:`_planned`.
        part: where rows and clips are kept.
    """

    layout: Layout
    corpus_key: str
    system: System
    model: Path | None
    checksum: str
    rows: Sequence[dict]
    part: Part


def convert_all(design: Design, converters: Mapping[Condition, Path], cache: Cache) -> dict[Condition, Entry]:
    """Convert what is not converted yet.

    Into every emotion, and from neutral to neutral: a converter that knows neutral is asked for it; one that does not
    is asked for an emotion at intensity 0, where what is left is its analysis and synthesis.

    Args:
        design: of the evaluation.
        converters: model folder of each condition but those of references.
        cache: of the evaluation.

    Returns:
        condition → entry with the clips and one row per planned conversion: that of :func:`plan_conversions` with
        `reason` ("" where there is a clip), `audio_sha256` and `duration_s`.

    Raises:
        EmoforgeError: a condition has nothing to convert.
    """
    checksums = {model: folder_sha256(model) for model in dict.fromkeys(converters.values())}
    emotions = {model: _askable(registry.load(model)) for model in checksums}
    entries, todo = {}, []
    for condition in design.conditions():
        corpus, system = design.corpora[condition.corpus], condition.system
        model = converters.get(condition)
        checksum = "" if model is None else checksums[model]
        rows = _planned(design, condition, emotions[model]) if model else _planned_takes(design, condition)
        entries[condition] = entry = cache.entry(
            "converted",
            _convert,
            name=condition.name,
            key={
                "corpus": corpus.key,
                "converter": checksum,
                "system": system.name,
                "rows": digest(rows),
                "chunk": _CHUNK,
            },
        )
        for number, chunk in enumerate(chunked(rows, _CHUNK)):
            part = entry.part(number)
            if not part.is_whole(audio=True):
                todo.append(_Chunk(corpus.layout, corpus.key, system, model, checksum, chunk, part))
    cache.fill(_convert, todo, description="convert", unit="clip", sizes=[len(chunk.rows) for chunk in todo])
    return entries


def _askable(converter: Converter) -> tuple[str, ...]:
    """Return what *converter* can be asked for, neutral among it where it can be asked for that."""
    return (*converter.emotions, NEUTRAL) if converter.says_neutral else converter.emotions


def _planned(design: Design, condition: Condition, emotions: Sequence[str]) -> list[dict]:
    """Return the planned rows into those *emotions* of the converter that the corpus's judges know, and into neutral.

    Each row says in `asked` and `intensity` what the converter is asked for.
    """
    known = design.emotions(condition.corpus)
    sources = design.sources[condition.corpus, condition.rotation]
    variants, seed = design.protocol.variants, design.protocol.seed
    wanted = [name for name in emotions if name != NEUTRAL and name in known]
    rows = plan_conversions(sources, wanted, variants=variants, seed=seed)
    if not rows:
        raise EmoforgeError(
            f"{condition.corpus}, rotation {condition.rotation}: nothing to convert; its speakers need neutral clips "
            f"beside those that enrol, and {condition.trained_on} an emotion that {condition.corpus} has too"
        )
    rows = [row | {"asked": row["emotion"]} for row in rows]
    if NEUTRAL in emotions:
        neutral = plan_conversions(sources, [NEUTRAL], variants=variants, seed=seed)
        return rows + [row | {"asked": NEUTRAL} for row in neutral]
    # Nothing is drawn where nothing changes: one variant is all there is.
    neutral = plan_conversions(sources, [NEUTRAL], variants=1, seed=seed)
    return rows + [row | {"asked": wanted[0], "intensity": 0.0} for row in neutral]


def _planned_takes(design: Design, condition: Condition) -> list[dict]:
    """Return the planned rows of a reference: those of which the speaker has a real take."""
    known = [name for name in design.emotions(condition.corpus) if name != NEUTRAL]
    sources = design.sources[condition.corpus, condition.rotation]
    variants, seed = design.protocol.variants, design.protocol.seed
    planned = plan_conversions(sources, [*known, NEUTRAL], variants=variants, seed=seed)
    rows = design.corpora[condition.corpus].rows(design.rotation_of(condition).sources)
    return plan_takes(planned, rows, seed=seed)


def _convert(chunk: _Chunk) -> None:
    utterances = open_utterances(chunk.layout, chunk.corpus_key)
    if chunk.model is None:
        results = [_climb(chunk.system.kind, utterances, row) for row in chunk.rows]
    else:
        converter = _open_system(chunk.model, chunk.checksum, chunk.system.part)
        jobs = [ConversionJob(row["source_clip_id"], row["asked"], row["intensity"], row["seed"]) for row in chunk.rows]
        results = convert_jobs(converter, utterances, jobs)
    rows, clips = [], []
    for row, result in zip(chunk.rows, results, strict=True):
        measured = {name: getattr(result, name) for name in ("reason", "audio_sha256", "duration_s")}
        rows.append(row | measured)
        if not result.reason:
            clips.append((row["clip_id"], result.signal))
    chunk.part.write(rows, clips=clips, sampling_rate=results[0].sampling_rate)


def _climb(rung: str, utterances: UtteranceStore, row: Mapping) -> Converted:
    source, take = utterances[row["source_clip_id"]], utterances[row["take_clip_id"]]
    try:
        signal = climb(rung, source, take)
    except EmoforgeError as error:
        return Converted(np.zeros(0, np.float32), source.sampling_rate, reason=str(error))
    sha256 = pcm_sha256(signal, source.sampling_rate)
    return Converted(signal, source.sampling_rate, style_clip_id=take.clip_id, audio_sha256=sha256)


@lru_cache(maxsize=2)
def _open_system(model: Path, checksum: str, left_out: str) -> Performer:
    """Return converter and sources, opened once per process; *checksum* tells one content of *model* from another."""
    converter = registry.load(model)
    return without(converter, left_out) if left_out else converter
