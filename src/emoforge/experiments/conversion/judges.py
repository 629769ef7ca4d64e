"""The judges of an evaluation of conversion: recognisers that learnt from nobody involved, and what they hear."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.outputs import built_aside, read_json
from emoforge.dataset import manifest
from emoforge.dataset.clips import ClipStore
from emoforge.experiments.conversion.figures import Rotation
from emoforge.experiments.conversion.protocol import Protocol
from emoforge.experiments.work import (
    KEY_FILE,
    Cell,
    Corpus,
    drain,
    keyed_folder,
    part_path,
    read_rows,
    write_rows,
)
from emoforge.project.checksums import code_sha256, digest
from emoforge.project.examples import ExampleSource, clip_inputs
from emoforge.project.layout import Layout
from emoforge.ser.recogniser import Examples
from emoforge.ser.registry import fit_options, load_recogniser, recogniser_class


def train_judges(
    wanted: Sequence[tuple[str, Corpus, int, Rotation]], protocol: Protocol, work: Path
) -> dict[tuple[str, str, int], Path]:
    """Train judges that are not there yet, with their answers to the real clips of the rotation's source speakers.

    Args:
        wanted: (kind of judge, corpus, rotation number, rotation).
        protocol: of the evaluation.
        work: the work folder.

    Returns:
        (kind, corpus, rotation number) → folder.
    """
    folders, todo = {}, []
    for kind, corpus, number, roles in wanted:
        key = {
            "kind": kind,
            "corpus": corpus.key,
            "judges": roles.judges,
            "sources": roles.sources,
            "seed": protocol.seed,
            "steps": protocol.judge_steps if kind == "logmel" else 0,
            "code": code_sha256(_train_judge),
        }
        folder = keyed_folder(work / "judges" / f"{corpus.name}-{number}-{kind}", key)
        folders[kind, corpus.name, number] = folder
        if not part_path(folder, 0).is_file():
            todo.append((kind, corpus.layout, roles, protocol.seed, protocol.judge_steps, folder))
    drain(_train_judge, todo, protocol, "train judges", "judge")
    return folders


def _train_judge(job: tuple[str, Layout, Rotation, int, int, Path]) -> None:
    kind, layout, roles, seed, steps, folder = job
    table = manifest.read(layout.manifest("ingest"))
    source = ExampleSource(layout, kind, ["ingest"])
    train = _clips_of(table, roles.judges, enrolment=False)
    labels = sorted(set(train.column("emotion").to_pylist()))
    enrolment = source.examples(_clips_of(table, roles.judges, enrolment=True))
    options = fit_options(kind, steps=steps)
    judge = recogniser_class(kind).fit(
        source.examples(train, labels), labels=labels, enrolment=enrolment, seed=seed, **options
    )
    with built_aside(folder / "model") as aside:
        judge.save(aside)
    real = _clips_of(table, roles.sources, enrolment=False)
    real = real.filter(pc.is_in(real.column("emotion"), pa.array(labels)))
    own = source.examples(_clips_of(table, roles.sources, enrolment=True))
    answers = judge.predict_proba(source.examples(real), own)
    rows = [
        {"clip_id": row["clip_id"], "speaker": row["speaker"], "emotion": row["emotion"], "heard": labels[heard]}
        for row, heard in zip(real.to_pylist(), answers.argmax(axis=1), strict=True)
    ]
    write_rows(part_path(folder, 0), rows)


def _clips_of(table: pa.Table, speakers: Sequence[str], *, enrolment: bool) -> pa.Table:
    wanted = pc.is_in(table.column("speaker"), pa.array(list(speakers)))
    return table.filter(pc.and_(wanted, pc.equal(table.column("enrolment"), enrolment)))


def ask_judges(
    wanted: Sequence[tuple[Cell, str, Corpus, Rotation, Path, Path, list[dict]]], protocol: Protocol, work: Path
) -> dict[tuple[Cell, str], dict[str, str]]:
    """Return what each judge hears in each cell's conversions.

    Args:
        wanted: (cell, kind of judge, corpus, rotation, folder of the judge, folder of the clips, measured rows).
        protocol: of the evaluation.
        work: the work folder.

    Returns:
        (cell, kind) → clip_id → emotion heard.
    """
    folders, todo = {}, []
    for cell, kind, corpus, roles, judge, clips, rows in wanted:
        key = {
            "judge": read_json(judge / KEY_FILE),
            "clips": digest([(row["clip_id"], row["audio_sha256"]) for row in rows]),
            "code": code_sha256(_ask_judge),
        }
        folders[cell, kind] = folder = keyed_folder(work / "heard" / f"{cell.name}-{kind}", key)
        if not part_path(folder, 0).is_file():
            made = [row for row in rows if not row["reason"]]
            todo.append((kind, corpus.layout, roles, judge, clips, part_path(folder, 0), made))
    drain(_ask_judge, todo, protocol, "judge", "clip", sizes=[len(job[-1]) for job in todo])
    return {name: {row["clip_id"]: row["heard"] for row in read_rows(folder)} for name, folder in folders.items()}


def _ask_judge(job: tuple[str, Layout, Rotation, Path, Path, Path, list[dict]]) -> None:
    kind, layout, roles, folder, clips, path, rows = job
    judge, store = load_recogniser(folder / "model"), ClipStore(clips)
    table = manifest.read(layout.manifest("ingest"))
    enrolment = ExampleSource(layout, kind, ["ingest"]).examples(_clips_of(table, roles.sources, enrolment=True))
    inputs = clip_inputs(
        kind,
        rows,
        functionals=lambda asked: np.array([row["functionals"] for row in asked], dtype=np.float32),
        read=lambda row: store.read(row["clip_id"]),
    )
    answers = judge.predict_proba(Examples(inputs, np.array([row["speaker"] for row in rows])), enrolment)
    heard = [judge.labels[index] for index in answers.argmax(axis=1)]
    write_rows(path, [{"clip_id": row["clip_id"], "heard": label} for row, label in zip(rows, heard, strict=True)])
