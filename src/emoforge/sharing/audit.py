"""Audit a set: is every clip what its manifest says, and may it be trained on and shared?"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.errors import ManifestError
from emoforge.base.outputs import read_json
from emoforge.dataset import manifest
from emoforge.dataset.duplicates import connected, near_duplicates, scan
from emoforge.dataset.fingerprint import SAME_RECORDING
from emoforge.dataset.licences import with_stated_licence
from emoforge.project.checksums import folder_sha256
from emoforge.project.corpus_choice import with_stated_provenance
from emoforge.project.layout import Layout
from emoforge.project.params import load_params
from emoforge.sharing import checks
from emoforge.sharing.checks import Finding
from emoforge.sharing.published import read_published
from emoforge.sharing.recordings import read_recordings


@dataclass(frozen=True)
class _Audited:
    """A set to audit.

    Attributes:
        rows: the manifest, with the recordings that conversions were made from where they are known.
        audible: those of *rows* whose audio belongs to the set.
        shards: that hold the audio.
        converters: checksum → what each converter learnt from.
        whole: whether *rows* holds every recording that conversions were made from.
        withdrawn: speakers who must not be in it.
        workers: number of processes.
    """

    rows: pa.Table
    audible: pa.Table
    shards: list[Path]
    converters: Mapping[str, Mapping[str, Any]]
    whole: bool
    withdrawn: list[str]
    workers: int


def audit(dataset: Path | None = None, *, root: Path = Path()) -> dict:
    """Return what is wrong with a set.

    Args:
        dataset: folder of a published set; without one, all clips of the project *root* are audited.
        root: the project.

    Returns:
        ``clips`` listened to, number of ``errors`` and ``warnings``, and ``findings``, errors first, each as
        :class:`~emoforge.sharing.checks.Finding` has it with its ``line``.

    Raises:
        ManifestError: there is no such set, or it cannot be read at all.
    """
    audited = _published(dataset) if dataset else _project(root)
    findings = [
        *_row_findings(audited),
        *checks.check_converters(audited.rows, audited.converters),
        *checks.check_withdrawn(audited.rows, audited.withdrawn),
        *checks.check_licences(audited.rows, audited.converters),
        *checks.check_balance(audited.audible),
    ]
    scanned = scan(audited.shards, workers=audited.workers)
    findings += checks.check_audio(audited.audible, scanned)
    kept = set(audited.audible.filter(pc.equal(audited.audible.column("keep"), True)).column("clip_id").to_pylist())
    scanned = [clip for clip in scanned if clip.clip_id in kept and not clip.problem]
    equal = checks.same_audio(scanned)
    findings += checks.check_duplicates(audited.audible, equal, near=False)
    # Of equal clips the first stands for all, and is compared with the rest.
    copies = {clip_id for group in equal for clip_id in group[1:]}
    single = [clip for clip in scanned if clip.clip_id not in copies]
    pairs = near_duplicates(single, audited.shards, threshold=SAME_RECORDING, workers=audited.workers)
    alike = connected((first, second) for first, second, _ in pairs)
    findings += checks.check_duplicates(audited.audible, alike, near=True)
    findings.sort(key=lambda found: (found.severity, found.code, found.clip_ids))
    errors = sum(found.severity == "error" for found in findings)
    return {
        "clips": len(audited.audible),
        "errors": errors,
        "warnings": len(findings) - errors,
        "findings": [asdict(found) | {"line": found.line} for found in findings],
    }


def _row_findings(audited: _Audited) -> list[Finding]:
    findings = list(checks.check_rows(audited.rows))
    if audited.whole:
        return findings
    unknown = [found for found in findings if found.code in ("source-missing", "style-missing")]
    findings = [found for found in findings if found not in unknown]
    if unknown:
        ids = sorted({clip_id for found in unknown for clip_id in found.clip_ids})
        findings.append(
            Finding(
                "lineage-unknown",
                "warning",
                "the recordings that the clips were made from are not in the set, so leaks through them cannot be seen",
                "audit the project that made it",
                tuple(ids),
            )
        )
    return findings


def _project(root: Path) -> _Audited:
    layout, params = Layout(root), load_params(root / "params.yaml")
    rows = manifest.read(layout.manifest("select"))
    own = set(rows.column("corpus").to_pylist())
    rows = with_stated_licence(rows, params.corpus.licence)
    folder, converters = layout.stage("converter"), {}
    if folder.is_dir():
        provenance = read_json(folder / "provenance.json")
        converters[folder_sha256(folder)] = with_stated_provenance(provenance, params.corpus.licence, own)
    shards = [
        shard
        for stage in ("ingest", "convert")
        for shard in sorted((layout.stage(stage) / "clips").glob("clips-*.parquet"))
    ]
    if not shards:
        raise ManifestError(f"{layout.stage('ingest') / 'clips'}: no clips here; run `dvc repro` or `dvc pull`")
    return _Audited(rows, rows, shards, converters, True, params.ingest.withdrawn, params.workers)


def _published(folder: Path) -> _Audited:
    published = read_published(folder)
    table, recordings = published.table, read_recordings(folder)
    rows = table if recordings is None else manifest.concatenate([table, recordings])
    made = pc.unique(table.column("converter_sha256")).to_pylist()
    # One converter made a published set; its provenance does not say which checksum it has.
    converters = {made[0]: published.provenance["converter"]} if len(made) == 1 else {}
    shards = sorted((folder / "data").glob("*.parquet"))
    return _Audited(rows, table, shards, converters, recordings is not None, [], 0)
