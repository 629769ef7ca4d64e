"""Where a clip comes from: recording, converter, params, scores, licence and the version that made it."""

import math
from collections.abc import Collection, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import pyarrow as pa

from emoforge import corpora
from emoforge.base.errors import CorpusError, EmoforgeError
from emoforge.base.outputs import read_json
from emoforge.corpora.measuring import measure_recording
from emoforge.corpora.recording import Recording, speaker_name
from emoforge.dataset import manifest
from emoforge.dataset.intake import recorded_clip_id
from emoforge.dataset.licences import combine, with_stated_licence
from emoforge.project.checksums import folder_sha256
from emoforge.project.corpus_choice import limits_of, with_stated_provenance
from emoforge.project.layout import Layout
from emoforge.project.params import Params, load_params
from emoforge.project.versions import differs_from_lock, locked_checksum, locked_params, made_by, read_lock
from emoforge.sharing.compare import SCORES

# What shaped a conversion, by the stages that read it.
_SHAPING = ("fit_converter", "convert", "select")
_CLIP = (
    "clip_id",
    "origin",
    "emotion",
    "intensity",
    "split",
    "enrolment",
    "duration_s",
    "sampling_rate",
    "audio_sha256",
)
_RECORDING = ("clip_id", "corpus", "speaker", "gender", "language", "text", "emotion", "split", "licence")


def trace(clip: str, *, root: Path = Path()) -> dict:
    """Return where the clip *clip* of the project *root* comes from.

    Args:
        clip: its clip_id, the beginning of it, or the name of a file named by it.
        root: the project.

    Returns:
        plain data: ``clip``, ``source`` (the recording, with its ``file`` where the corpus is here), ``style``,
        ``converter``, ``seed``, ``params``, ``scores``, ``outcome``, ``licence`` and ``version``; None where a
        recorded clip has no such thing.

    Raises:
        EmoforgeError: no clip, or several, are called so; select has not run.
    """
    layout, params = Layout(root), load_params(root / "params.yaml")
    table = with_stated_licence(manifest.read(layout.manifest("select")), params.corpus.licence)
    own = set(table.column("corpus").to_pylist())
    clip_id = find_clip(clip, table.column("clip_id").to_pylist())
    rows = _rows(table, clip_id)
    row = rows[clip_id]
    converted = row["origin"] == "converted"
    recording = rows[row["source_clip_id"]] if converted else row
    converter = _converter(row, params.corpus.licence, own, layout) if converted else None
    return {
        "clip": _part(row, _CLIP),
        "source": _recording(recording, params, layout),
        "style": _recording(rows[row["style_clip_id"]], params, layout) if row["style_clip_id"] else None,
        "converter": converter,
        "seed": row["seed"],
        "params": _params(params, root) if converted else None,
        "scores": {name: round(row[name], 4) for name in SCORES if row[name] is not None and math.isfinite(row[name])},
        "outcome": {"keep": row["keep"], "reject_reason": row["reject_reason"] or None},
        "licence": {"licence": row["licence"], "because": _why_licence(row, recording, converter)},
        "version": {
            stage: _version(stage, root, layout) for stage in (("convert", "select") if converted else ("ingest",))
        },
    }


def find_clip(name: str, clip_ids: Collection[str]) -> str:
    """Return the one of *clip_ids* that *name* is, begins, or names a file of.

    Raises:
        EmoforgeError: none or several are; the line names the nearest.
    """
    wanted = Path(name).stem.lower()
    matches = sorted(clip_id for clip_id in clip_ids if clip_id.startswith(wanted)) if wanted else []
    if len(matches) == 1:
        return matches[0]
    if matches:
        shown = ", ".join(matches[:3]) + (", ..." if len(matches) > 3 else "")
        raise EmoforgeError(f"{len(matches)} clips begin with {name!r} ({shown}); give more of the clip_id")
    near = sorted(clip_ids, key=lambda clip_id: (-_shared_beginning(clip_id, wanted), clip_id))[:3]
    raise EmoforgeError(
        f"no clip {name!r} among the {len(clip_ids)} of the manifest; the nearest are {', '.join(near)}"
    )


def _shared_beginning(first: str, second: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def _rows(table: pa.Table, clip_id: str) -> dict[str, dict]:
    """Return the row of *clip_id* and those of the recordings it was made from, by clip_id."""
    ids = table.column("clip_id").to_pylist()
    row = table.slice(ids.index(clip_id), 1).to_pylist()[0]
    rows = {clip_id: row}
    for name in (row["source_clip_id"], row["style_clip_id"]):
        if name is not None:
            if name not in ids:
                raise EmoforgeError(
                    f"clip {clip_id} was made from {name}, which is not in the manifest; run `dvc repro`"
                )
            rows[name] = table.slice(ids.index(name), 1).to_pylist()[0]
    return rows


def _part(row: dict, names: Collection[str]) -> dict:
    return {name: row[name] for name in names if row[name] is not None}


def _recording(row: dict, params: Params, layout: Layout) -> dict:
    original = find_original(row, params, layout)
    return _part(row, _RECORDING) | {"file": str(original.path) if original else None}


def _converter(row: dict, licence: str, own: set[str], layout: Layout) -> dict:
    """Return what made *row*, with what it learnt from where it is still the project's converter."""
    folder = layout.stage("converter")
    known = {"method": row["converter"], "sha256": row["converter_sha256"]}
    if not folder.is_dir() or folder_sha256(folder) != row["converter_sha256"]:
        return known | {"learnt_from": None}
    provenance = with_stated_provenance(read_json(folder / "provenance.json"), licence, own)
    return known | {
        "learnt_from": {
            "corpora": provenance["corpora"],
            "speakers": len(provenance["speakers"]),
            "clips": provenance["clips"],
            "licences": provenance["licences"],
            **({"program": provenance["program"]} if "program" in provenance else {}),
        }
    }


def _params(params: Params, root: Path) -> dict:
    """Return the params that shaped the conversions: those of the run, as dvc.lock has them, else today's."""
    locked = locked_params(read_lock(root), *_SHAPING)
    today = params.model_dump()
    names = ("seed", *_SHAPING)
    if not locked:
        return {"from": "params.yaml"} | {name: today[name] for name in names}
    changed = [name for name in names if name in locked and locked[name] != today[name]]
    return {"from": "dvc.lock", "changed_since": changed} | {name: locked[name] for name in names if name in locked}


def _why_licence(row: dict, recording: dict, converter: dict | None) -> str:
    if converter is None:
        return f"that of corpus {row['corpus']}"
    sources = {(recording["corpus"], recording["licence"])}
    learnt = converter["learnt_from"]
    for licence in learnt["licences"] if learnt else ():
        sources.add((", ".join(learnt["corpora"]) or f"none: program {learnt['program']['name']}", licence))
    named = "; ".join(f"{licence} (corpus {corpus})" for corpus, licence in sorted(sources))
    unknown = "" if learnt else "; what the converter learnt from is no longer known here"
    if len({licence for _, licence in sources}) == 1:
        return f"the only one of what it was made from: {named}{unknown}"
    try:
        strictest = combine(sources)
    except EmoforgeError as error:
        return f"all of what it was made from; it cannot be published: {error}"
    return f"{strictest} is the most restrictive of what it was made from: {named}{unknown}"


def _version(stage: str, root: Path, layout: Layout) -> dict:
    """Return the commit whose dvc.lock was the first to hold the present output of *stage*, or why there is none."""
    out = layout.stage(stage)
    checksum = locked_checksum(read_lock(root), stage, out.relative_to(layout.root).as_posix())
    if checksum is None:
        return {"checksum": None, "commit": None, "note": "not under DVC: no dvc.lock names it"}
    if differs_from_lock(root, out):
        return {"checksum": None, "commit": None, "note": "not committed: it changed since dvc.lock was written"}
    commit = made_by(root, checksum)
    if commit is None:
        return {"checksum": checksum, "commit": None, "note": "not committed: no commit's dvc.lock holds it"}
    return {"checksum": checksum, "commit": commit.sha, "note": f"{commit.date}, {commit.subject}"}


def find_original(clip: Mapping[str, Any], params: Params, layout: Layout) -> Recording | None:
    """Return the recording that *clip*, a recorded row of the manifest, is of.

    None where the corpus is not here, or does not give that clip under the present params.
    """
    try:
        recordings = corpora.read(params.corpus.name, layout.root / params.corpus.root)
    except CorpusError:
        return None
    limits = limits_of(params.ingest)
    labels = (clip["speaker"], clip["emotion"], clip["text"])
    for found in recordings:
        if (speaker_name(found), found.emotion, found.text) != labels:
            continue
        sha256 = measure_recording(found, limits).sha256
        if recorded_clip_id(found.corpus, found.speaker, found.stem, sha256) == clip["clip_id"]:
            return found
    return None
