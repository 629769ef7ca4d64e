"""Commands on a set that is shared, and how their results are put into words."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emoforge.base.tables import flat
from emoforge.cli.common import JsonOption, ProjectOption, print_result, print_table

if TYPE_CHECKING:
    from emoforge.sharing.withdraw import Withdrawal

#: Findings of one kind that are printed one by one.
_SHOWN = 20


def export(
    out: Annotated[Path, typer.Argument(help="Folder to write, which must not exist or be empty.")],
    to: Annotated[str, typer.Option("--to", help="parquet, webdataset, lhotse, audformat or flac.")],
    dataset: Annotated[
        Path | None, typer.Option(help="Folder of any published set.", show_default="the project's data/publish")
    ] = None,
    shard_size: Annotated[str, typer.Option(help="Largest size of a shard, where the format has shards.")] = "500MB",
    project: ProjectOption = Path(),
) -> None:
    """Write the published set in another format. Its card is included."""
    from emoforge.project.layout import Layout
    from emoforge.sharing.export import export

    done = export(dataset or Layout(project).stage("publish"), out, to=to, shard_size=shard_size)
    print(f"{done.folder}: {done.clips} clips as {done.format}")


def trace(
    clip: Annotated[str, typer.Argument(help="A clip_id, the beginning of one, or a file named after one.")],
    json: JsonOption = False,
    project: ProjectOption = Path(),
) -> None:
    """Say where a clip comes from. Recording, converter, params, scores, licence and version."""
    from emoforge.sharing.trace import trace

    print_result(trace(clip, root=project), trace_lines, as_json=json)


def audit(
    dataset: Annotated[
        Path | None, typer.Argument(help="Folder of a published set.", show_default="all clips of the project")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    json: JsonOption = False,
    project: ProjectOption = Path(),
) -> None:
    """Check a set for leaks and other errors. Looks at checksums, splits, duplicates, licences and balance.

    Exits with status 1 if there is an error.
    """
    from emoforge.sharing.audit import audit

    report = audit(dataset, root=project)
    print_result(report, audit_lines, as_json=json)
    if report["errors"] or (strict and report["warnings"]):
        raise typer.Exit(1)


def withdraw(
    speaker: Annotated[str, typer.Option(help="Speaker who withdrew consent, as named in the manifest.")],
    dataset: Annotated[
        Path | None, typer.Option(help="Folder of a published set.", show_default="the project's data/publish")
    ] = None,
    converter: Annotated[
        list[Path] | None, typer.Option(help="Folder of another converter to check; may be given several times.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    project: ProjectOption = Path(),
) -> None:
    """Remove a person who withdrew consent. From the published set at once, from the rest with `dvc repro`."""
    from emoforge.sharing.withdraw import withdraw

    done = withdraw(speaker, root=project, dataset=dataset, converters=converter or [], dry_run=dry_run)
    for line in withdrawal_lines(done):
        print(line)


def diff(
    before: Annotated[str, typer.Argument(metavar="REV_A", help="Git revision, or name of an experiment.")],
    after: Annotated[str | None, typer.Argument(metavar="REV_B", show_default="the working tree")] = None,
    json: JsonOption = False,
    project: ProjectOption = Path(),
) -> None:
    """Compare two versions of the set. Says which clips came and went, why, and how scores changed."""
    from emoforge.sharing.diff import diff

    changed = diff(before, after, root=project)
    if json:
        print_result(changed, None, as_json=True)
        return
    for title, rows in diff_tables(changed).items():
        print_table(rows, title=f"\n{title}")


def audit_lines(report: dict) -> list[str]:
    """Return one line per finding of :func:`emoforge.sharing.audit.audit`, a few of each kind, and one of totals."""
    said = []
    for code, found in itertools.groupby(report["findings"], key=lambda finding: finding["code"]):
        alike = list(found)
        said += [finding["line"] for finding in alike[:_SHOWN]]
        if len(alike) > _SHOWN:
            said.append(f"{alike[0]['severity']} {code}: {len(alike) - _SHOWN} more; --json lists them all")
    return [*said, f"audit: {report['clips']} clips, {report['errors']} errors, {report['warnings']} warnings"]


def trace_lines(traced: dict) -> list[str]:
    """Return what :func:`emoforge.sharing.trace.trace` found as lines, the name of each part in front."""
    return [
        f"{name:<10} {text}" for name, part in traced.items() if part not in (None, {}) for text in _texts(name, part)
    ]


def _texts(name: str, part: Any) -> list[str]:
    if name == "params":
        kept = {key: value for key, value in part.items() if isinstance(value, dict)}
        changed = ", ".join(part.get("changed_since", [])) or "nothing"
        first = f"of {part['from']}, seed {part['seed']}; changed in params.yaml since: {changed}"
        return [first, *(f"{section}: {_in_one_line(values)}" for section, values in kept.items())]
    if name == "version":
        return [
            f"data/{stage}: {(found['commit'] or '')[:12]} {found['note']}".replace(":  ", ": ")
            for stage, found in part.items()
        ]
    if name == "licence":
        return [f"{part['licence']}: {part['because']}"]
    return [_in_one_line(part) if isinstance(part, dict) else str(part)]


def _in_one_line(values: Mapping[str, object]) -> str:
    return ", ".join(
        f"{key} {' '.join(map(str, value)) or 'none' if isinstance(value, list) else value}"
        for key, value in flat(values)
        if value is not None
    )


def withdrawal_lines(done: "Withdrawal") -> Iterator[str]:
    """Yield what a withdrawal changed, or would change, and what is left to do, one line each."""
    if done.already:
        yield f"{done.speaker} is in ingest.withdrawn of params.yaml already"
    elif done.dry_run:
        yield f"{done.speaker} would be added to ingest.withdrawn of params.yaml; nothing was changed"
    else:
        yield f"{done.speaker} is now in ingest.withdrawn of params.yaml: every run leaves them out"
    parts = done.published
    if done.folder and parts:
        removed = "would be removed" if done.dry_run else "removed"
        yield (
            f"{done.folder}: {len(parts.all)} clips {removed} ({len(parts.voice)} in their voice, {len(parts.style)} "
            f"in their style), {done.left} left" + ("" if done.left else ": the whole folder goes")
        )
        if done.unseen:
            yield (
                f"{done.folder}: {done.unseen} clips copy the style of recordings that this project does not hold; "
                "withdraw in the project that made them too"
            )
    if done.project and done.project.all:
        parts = done.project
        yield (
            f"the project still holds {len(parts.recorded)} of their recordings, {len(parts.voice)} conversions in "
            f"their voice and {len(parts.style)} in their style: run `dvc repro` to make everything without them"
        )
    for folder in done.converters:
        yield f"{folder}: this converter learnt from them and must be refitted: run `dvc repro`"
    yield (
        "still there: the original recordings below corpus.root, which are yours to delete, and every older version in "
        "DVC's cache and remotes, which `dvc gc --workspace` (and `--cloud`) deletes once the new one is committed"
    )


def diff_tables(changed: dict) -> dict[str, list[dict]]:
    """Return what :func:`emoforge.sharing.diff.diff` found as tables: title → rows, none of them empty."""
    from emoforge.sharing.compare import MOVED

    before, after = changed["revisions"]
    counts = [{"clips": name} | changed[name] for name in ("recorded", "converted", "kept")]
    why = [
        {"kept clips": direction, "why": reason, "clips": count}
        for direction, reasons in (("in", changed["why_in"]), ("out", changed["why_out"]))
        for reason, count in reasons.items()
    ]
    scores = [
        {"score": name, "clips": score["clips"], "mean change": f"{score['mean_change']:+.4f}", "moved": score["moved"]}
        for name, score in changed["scores"].items()
    ]
    made = f", {changed['made_anew']} made anew by another converter" if changed["made_anew"] else ""
    found = {
        f"{before} to {after}{made}": counts,
        "kept conversions by emotion": [{"emotion": name} | row for name, row in changed["emotions"].items()],
        "why they came and went": why,
        "conversions not kept": [{"reason": name} | row for name, row in changed["reasons"].items()],
        f"scores of conversions in both (moved: by more than {MOVED})": scores,
    }
    return {title: rows for title, rows in found.items() if rows}


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    for command in (export, trace, audit, withdraw, diff):
        app.command()(command)
