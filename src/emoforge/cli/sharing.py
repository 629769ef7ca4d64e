"""Commands on a set that is shared."""

from pathlib import Path
from typing import Annotated

import typer

from emoforge.cli.common import JsonOption, ProjectOption, print_result, print_table


def export(
    out: Annotated[Path, typer.Argument(help="Folder to write, which must not exist or be empty.")],
    to: Annotated[str, typer.Option("--to", help="parquet, webdataset, lhotse, audformat or flac.")],
    dataset: Annotated[
        Path | None, typer.Option(help="Folder of any published set.", show_default="the project's data/publish")
    ] = None,
    shard_size: Annotated[str, typer.Option(help="Size of a shard at most, where the format has shards.")] = "500MB",
    project: ProjectOption = Path(),
) -> None:
    """Write the published set in another format, its card included."""
    from emoforge.project.layout import Layout
    from emoforge.sharing.export import export

    print(export(dataset or Layout(project).stage("publish"), out, to=to, shard_size=shard_size))


def trace(
    clip: Annotated[str, typer.Argument(help="clip_id, the beginning of one, or a file named by one.")],
    json: JsonOption = False,
    project: ProjectOption = Path(),
) -> None:
    """Say where a clip comes from: recording, converter, params, scores, licence and version."""
    from emoforge.sharing.trace import lines, trace

    print_result(trace(clip, root=project), lines, as_json=json)


def audit(
    dataset: Annotated[
        Path | None, typer.Argument(help="Folder of a published set.", show_default="all clips of the project")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    json: JsonOption = False,
    project: ProjectOption = Path(),
) -> None:
    """Check a set: checksums, leaks, duplicates, licences, balance. Status 1 says that there is an error."""
    from emoforge.sharing.audit import audit, lines

    report = audit(dataset, root=project)
    print_result(report, lines, as_json=json)
    if report["errors"] or (strict and report["warnings"]):
        raise typer.Exit(1)


def withdraw(
    speaker: Annotated[str, typer.Option(help="Who withdrew consent, as the manifest names them.")],
    dataset: Annotated[
        Path | None, typer.Option(help="Folder of a published set.", show_default="the project's data/publish")
    ] = None,
    converter: Annotated[
        list[Path] | None, typer.Option(help="Folder of another converter to look into; may be given several times.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    project: ProjectOption = Path(),
) -> None:
    """Leave a person out: of the published set at once, of everything with the next `dvc repro`."""
    from emoforge.sharing.withdraw import lines, withdraw

    for line in lines(withdraw(speaker, root=project, dataset=dataset, converters=converter or [], dry_run=dry_run)):
        print(line)


def diff(
    before: Annotated[str, typer.Argument(metavar="REV_A", help="Git revision, or name of an experiment.")],
    after: Annotated[str | None, typer.Argument(metavar="REV_B", show_default="the working tree")] = None,
    json: JsonOption = False,
    project: ProjectOption = Path(),
) -> None:
    """Say what changed between two versions of the set: clips in and out, why, and scores."""
    from emoforge.sharing.diff import diff, tables

    changed = diff(before, after, root=project)
    if json:
        print_result(changed, None, as_json=True)
        return
    for title, rows in tables(changed).items():
        print_table(rows, title=f"\n{title}")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    for command in (export, trace, audit, withdraw, diff):
        app.command()(command)
