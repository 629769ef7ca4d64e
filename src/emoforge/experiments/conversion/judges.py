"""The judges of an evaluation of conversion: recognisers that learnt from nobody involved, and what they hear."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.errors import EmoforgeError
from emoforge.dataset import manifest
from emoforge.dataset.clips import ClipStore
from emoforge.experiments.cache import Cache, Entry, Part
from emoforge.experiments.conversion.design import Condition, Design
from emoforge.experiments.conversion.rotations import Rotation
from emoforge.experiments.embeddings import read_embeddings, stacked
from emoforge.project.checksums import digest
from emoforge.project.examples import ExampleSource, clip_inputs, reads_encoder
from emoforge.project.layout import Layout
from emoforge.ser.recogniser import Examples
from emoforge.ser.registry import KINDS, fit_options, load_recogniser, recogniser_class

_MODEL = "model"


@dataclass(frozen=True, slots=True)
class _Training:
    """A judge that a worker trains: of a kind, on the rotation's speakers for it, into an entry of the cache."""

    kind: str
    layout: Layout
    embedded: Entry | None
    rotation: Rotation
    seed: int
    steps: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class _Question:
    """Conversions that a worker has judged.

    Attributes:
        kind: of the judge.
        layout: of the corpus of the sources, whose speakers enrol.
        embedded: entry with the embeddings of that corpus; None where the judge reads none.
        embedded_clips: entry with the embeddings of the conversions; None likewise.
        rotation: whose source speakers these are.
        model: folder of the judge.
        clips: folder of the conversions' audio.
        rows: measured conversions, see :func:`emoforge.experiments.conversion.measures.measure_converted`.
        part: where the answers are kept.
    """

    kind: str
    layout: Layout
    embedded: Entry | None
    embedded_clips: Entry | None
    rotation: Rotation
    model: Path
    clips: Path
    rows: Sequence[dict]
    part: Part


def train_judges(design: Design, embedded: Mapping[str, Entry], cache: Cache) -> dict[tuple[str, str, int], Entry]:
    """Train the judges that are not there yet.

    Args:
        design: of the evaluation.
        embedded: what :func:`emoforge.experiments.conversion.fidelity.embedded.embed_recorded` returned.
        cache: of the evaluation.

    Returns:
        (kind, corpus, number of the rotation) → entry with the judge and one row per real clip of the rotation's source
        speakers: clip_id, speaker, emotion, the emotion that the judge hears, and its confidence in the right one.

    Raises:
        EmoforgeError: a judge reads an encoder, and params.yaml names none.
    """
    if any(map(reads_encoder, design.protocol.judges)) and not embedded:
        raise EmoforgeError("the judge 'encoder' needs one: name it in params.yaml, such as `encoder: whisper-tiny.en`")
    entries: dict[tuple[str, str, int], Entry] = {}
    todo = []
    protocol = design.protocol
    for name, of_corpus in design.rotations.items():
        corpus = design.corpora[name]
        for number, rotation in of_corpus.items():
            for kind in protocol.judges:
                entries[kind, name, number] = entry = cache.entry(
                    "judges",
                    _train,
                    recogniser_class(kind),
                    name=f"{name}-{number}-{kind}",
                    key={
                        "kind": kind,
                        "corpus": corpus.key,
                        "judges": rotation.judges,
                        "sources": rotation.sources,
                        "seed": protocol.seed,
                        "steps": protocol.judge_steps if "steps" in KINDS[kind].options else 0,
                        **({"embeddings": embedded[name].checksum} if reads_encoder(kind) else {}),
                    },
                )
                if not entry.part(0).is_whole():
                    heard = embedded[name] if reads_encoder(kind) else None
                    todo.append(
                        _Training(kind, corpus.layout, heard, rotation, protocol.seed, protocol.judge_steps, entry)
                    )
    cache.fill(_train, todo, description="train judges", unit="judge")
    return entries


def _examples(layout: Layout, kind: str, embedded: Entry | None) -> ExampleSource:
    """Return the recordings at *layout* as a judge of *kind* reads them."""
    if embedded is None:
        return ExampleSource(layout, kind, ["ingest"])
    known = read_embeddings([embedded])
    return ExampleSource(layout, kind, ["ingest"], embeddings=partial(stacked, known))


def _train(job: _Training) -> None:
    kind, layout, roles = job.kind, job.layout, job.rotation
    table = manifest.read(layout.manifest("ingest"))
    source = _examples(layout, kind, job.embedded)
    train = _clips_of(table, roles.judges, enrolment=False)
    labels = sorted(set(train.column("emotion").to_pylist()))
    enrolment = source.examples(_clips_of(table, roles.judges, enrolment=True))
    options = fit_options(kind, steps=job.steps)
    judge = recogniser_class(kind).fit(
        source.examples(train, labels), labels=labels, enrolment=enrolment, seed=job.seed, **options
    )
    with job.entry.building(_MODEL) as folder:
        judge.save(folder)
    real = _clips_of(table, roles.sources, enrolment=False)
    real = real.filter(pc.is_in(real.column("emotion"), pa.array(labels)))
    own = source.examples(_clips_of(table, roles.sources, enrolment=True))
    answers = judge.predict_proba(source.examples(real), own)
    rows = [
        {"clip_id": row["clip_id"], "speaker": row["speaker"], "emotion": row["emotion"]}
        | _heard(answer, labels, row["emotion"])
        for row, answer in zip(real.to_pylist(), answers, strict=True)
    ]
    job.entry.part(0).write(rows)


def _heard(answer: np.ndarray, labels: Sequence[str], wanted: str) -> dict:
    """Return what *answer*, (n_classes,) probabilities, says of a clip that should be heard as *wanted*."""
    confidence = float(answer[list(labels).index(wanted)]) if wanted in labels else 0.0
    return {"heard": labels[int(answer.argmax())], "confidence": round(confidence, 6)}


def _clips_of(table: pa.Table, speakers: Sequence[str], *, enrolment: bool) -> pa.Table:
    wanted = pc.is_in(table.column("speaker"), pa.array(list(speakers)))
    return table.filter(pc.and_(wanted, pc.equal(table.column("enrolment"), enrolment)))


def ask_judges(
    design: Design,
    judges: Mapping[tuple[str, str, int], Entry],
    conversions: Mapping[Condition, Entry],
    measured: Mapping[Condition, Sequence[dict]],
    embedded: Mapping[str, Entry],
    embedded_conversions: Mapping[Condition, Entry],
    cache: Cache,
) -> dict[tuple[Condition, str], dict[str, dict]]:
    """Return what every judge hears in every condition's conversions.

    Args:
        design: of the evaluation.
        judges: what :func:`train_judges` returned.
        conversions: what :func:`emoforge.experiments.conversion.conversions.convert_all` made.
        measured: their rows, measured.
        embedded: what :func:`emoforge.experiments.conversion.fidelity.embedded.embed_recorded` returned.
        embedded_conversions: what :func:`emoforge.experiments.conversion.fidelity.embedded.embed_converted` returned.
        cache: of the evaluation.

    Returns:
        (condition, kind of judge) → clip_id → ``heard``, the emotion, and ``confidence`` in the target; clips that
        could not be made are missing.
    """
    entries, todo = {}, []
    for condition, rows in measured.items():
        for kind in design.protocol.judges:
            judge = judges[kind, condition.corpus, condition.rotation]
            entries[condition, kind] = entry = cache.entry(
                "heard",
                _ask,
                name=f"{condition.name}-{kind}",
                key={
                    "judge": judge.checksum,
                    "clips": digest([(row["clip_id"], row["audio_sha256"]) for row in rows]),
                    **({"embeddings": embedded_conversions[condition].checksum} if reads_encoder(kind) else {}),
                },
            )
            if not entry.part(0).is_whole():
                todo.append(
                    _Question(
                        kind,
                        design.corpora[condition.corpus].layout,
                        embedded[condition.corpus] if reads_encoder(kind) else None,
                        embedded_conversions[condition] if reads_encoder(kind) else None,
                        design.rotation_of(condition),
                        judge.path(_MODEL),
                        conversions[condition].folder,
                        [row for row in rows if not row["reason"]],
                        entry.part(0),
                    )
                )
    cache.fill(_ask, todo, description="judge", unit="clip", sizes=[len(question.rows) for question in todo])
    return {name: {row["clip_id"]: row for row in entry.rows()} for name, entry in entries.items()}


def _ask(question: _Question) -> None:
    if not question.rows:
        question.part.write([])
        return
    judge, store, rows = load_recogniser(question.model), ClipStore(question.clips), question.rows
    table = manifest.read(question.layout.manifest("ingest"))
    enrolling = _clips_of(table, question.rotation.sources, enrolment=True)
    enrolment = _examples(question.layout, question.kind, question.embedded).examples(enrolling)
    known = read_embeddings([question.embedded_clips] if question.embedded_clips else [])
    inputs = clip_inputs(
        question.kind,
        rows,
        functionals=lambda asked: np.array([row["functionals"] for row in asked], dtype=np.float32),
        read=lambda row: store.read(row["clip_id"]),
        embeddings=lambda asked: stacked(known, [row["clip_id"] for row in asked]),
    )
    answers = judge.predict_proba(Examples(inputs, np.array([row["speaker"] for row in rows])), enrolment)
    heard = [_heard(answer, judge.labels, row["emotion"]) for row, answer in zip(rows, answers, strict=True)]
    question.part.write([{"clip_id": row["clip_id"]} | found for row, found in zip(rows, heard, strict=True)])
