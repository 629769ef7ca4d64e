"""Make a version of a set without a person who withdrew consent."""

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.errors import ManifestError
from emoforge.base.outputs import built_aside, read_json
from emoforge.dataset import manifest
from emoforge.project.layout import Layout
from emoforge.project.params import edited, load_params
from emoforge.sharing.published import PublishedSet, read_published
from emoforge.sharing.recordings import read_recordings, write_recordings
from emoforge.sharing.touched import Touched, known_speaker, touched_by
from emoforge.sharing.writer import write_set


@dataclass(frozen=True)
class Withdrawal:
    """What a withdrawal removes, or would remove.

    Attributes:
        speaker: as the manifest names them.
        already: whether params.yaml left them out before.
        project: which of the project's clips hold something of them; None where there are no clips.
        folder: of the published set; None where there is none.
        published: which of its clips hold something of them; None where there is no published set.
        left: how many of its clips stay.
        unseen: number of published conversions that copy the style of a recording whose speaker is not known here.
        converters: folders of the converters that learnt from them.
        dry_run: whether nothing was changed.
    """

    speaker: str
    already: bool
    project: Touched | None
    folder: Path | None
    published: Touched | None
    left: int
    unseen: int
    converters: tuple[Path, ...]
    dry_run: bool


def withdraw(
    speaker: str,
    *,
    root: Path = Path(),
    dataset: Path | None = None,
    converters: Sequence[Path] = (),
    dry_run: bool = False,
) -> Withdrawal:
    """Leave *speaker* out of the project *root* from its next run on, and out of a published set at once.

    The name goes to ``ingest.withdrawn`` of params.yaml, so that `dvc repro` makes everything without them. It can be
    repeated at any time, and changes nothing that is already done.

    Args:
        speaker: as the manifest names them, or without the corpus's name in front.
        root: the project.
        dataset: folder of the published set; the project's own without it.
        converters: folders of other converters, of which those that learnt from them are returned.
        dry_run: only return what would be removed.

    Raises:
        EmoforgeError: there is no such speaker, params.yaml is wrong, or the published set cannot be read.
    """
    layout, params = Layout(root), load_params(root / "params.yaml")
    clips = _project_clips(layout)
    folder = dataset or (layout.stage("publish") if layout.stage("publish").is_dir() else None)
    published = read_published(folder) if folder else None
    origins = read_recordings(folder) if folder else None
    learnt = _speakers_of(([layout.stage("converter")] if layout.stage("converter").is_dir() else []), converters)
    name = known_speaker(
        speaker, _everybody((clips, published and published.table, origins), learnt, params.ingest.withdrawn)
    )
    in_project = touched_by(name, clips) if clips is not None else None
    recordings = {
        clip_id for table in (clips, origins) if table is not None for clip_id in touched_by(name, table).recorded
    }
    in_set = touched_by(name, published.table, recordings=recordings) if published else None
    withdrawal = Withdrawal(
        speaker=name,
        already=name in params.ingest.withdrawn,
        project=in_project,
        folder=folder,
        published=in_set,
        left=len(published.table) - len(in_set.all) if published and in_set else 0,
        unseen=_unseen(published.table, (clips, origins)) if published else 0,
        converters=tuple(path for path, speakers in learnt.items() if name in speakers),
        dry_run=dry_run,
    )
    if not dry_run:
        if not withdrawal.already:
            with edited(root / "params.yaml") as values:
                values["ingest"]["withdrawn"] = [*params.ingest.withdrawn, name]
        if published and folder and in_set and in_set.all:
            _publish_without(in_set.all, published, origins, folder, shard_bytes=params.publish.shard_mb * 1_000_000)
    return withdrawal


def _project_clips(layout: Layout) -> pa.Table | None:
    """Return the rows of the latest stage that has run: all clips, or only the recordings."""
    for stage in ("select", "ingest"):
        if layout.manifest(stage).is_file():
            return manifest.read(layout.manifest(stage))
    return None


def _speakers_of(own: Sequence[Path], others: Sequence[Path]) -> dict[Path, list[str]]:
    """Return whom every converter learnt from, as the provenance in its folder says.

    Raises:
        ManifestError: a provenance is missing, or does not say.
    """
    found = {}
    for folder in (*own, *others):
        path = folder / "provenance.json"
        speakers = read_json(path).get("speakers")
        if not isinstance(speakers, list):
            raise ManifestError(f"{path}: does not say whom the converter learnt from; fit the converter again")
        found[folder] = speakers
    return found


def _everybody(
    tables: Iterable[pa.Table | None], learnt: Mapping[Path, Sequence[str]], withdrawn: Sequence[str]
) -> set[str]:
    """Return every speaker that is known here; those who withdrew stay known, so that it can be repeated."""
    names = {name for table in tables if table is not None for name in pc.unique(table.column("speaker")).to_pylist()}
    return names.union(withdrawn, *learnt.values())


def _unseen(clips: pa.Table, known: Iterable[pa.Table | None]) -> int:
    """Return how many of *clips* copy the style of a recording that no *known* table holds."""
    ids = {clip_id for table in known if table is not None for clip_id in table.column("clip_id").to_pylist()}
    return sum(style not in ids for style in clips.column("style_clip_id").drop_null().to_pylist())


def _publish_without(
    gone: frozenset[str], published: PublishedSet, origins: pa.Table | None, folder: Path, *, shard_bytes: int
) -> None:
    table = published.table
    if len(gone) == len(table):
        shutil.rmtree(folder)
        return
    removed = pc.is_in(table.column("clip_id"), pa.array(sorted(gone)))
    emotions = Counter(table.filter(removed).column("emotion").to_pylist())
    stay = table.filter(pc.invert(removed))
    with built_aside(folder) as aside:
        write_set(
            stay,
            published.audio,
            aside,
            provenance=_provenance_without(published.provenance, emotions),
            shard_bytes=shard_bytes,
        )
        if origins is not None:
            write_recordings(aside, stay, recordings=origins)


def _provenance_without(provenance: dict, emotions: Counter) -> dict:
    """Return *provenance* with as many of the kept conversions counted as withdrawn."""
    yields = {outcome: Counter(counts) for outcome, counts in provenance["yields"].items()}
    yields["kept"] = yields["kept"] - emotions
    yields["withdrawn"] = yields.get("withdrawn", Counter()) + emotions
    return provenance | {"yields": {outcome: dict(sorted(counts.items())) for outcome, counts in yields.items()}}
