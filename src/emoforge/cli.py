"""The command line. Heavy imports wait until a command needs them, so that `emoforge --help` answers at once."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from emoforge.errors import EmoforgeError

app = typer.Typer(
    help="Synthetic emotional speech: made from neutral recordings, filtered, versioned and put to the test.",
    no_args_is_help=True,
    add_completion=False,
    # Plain help: drawing it with rich takes longer than everything else that `--help` does.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
corpora_app = typer.Typer(help="Corpora that emoforge reads.", no_args_is_help=True)
app.add_typer(corpora_app, name="corpora")

ProjectOption = Annotated[
    Path, typer.Option("--project", "-C", help="Folder that holds params.yaml.", show_default="the current folder")
]


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> None:
    """Run the command line: an error the user can mend is one line and status 1."""
    try:
        app()
    except EmoforgeError as error:
        print(f"emoforge: {error}", file=sys.stderr)
        sys.exit(1)


def _run_stage(name: str, project: Path) -> None:
    from emoforge.pipeline.stage import run_stage

    run_stage(name, import_module(f"emoforge.pipeline.{name}").run, root=project)


def _print(value: dict, lines: Callable[[dict], list[str]] | None, *, as_json: bool) -> None:
    """Print *value* as JSON, or as what *lines* makes of it."""
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False) if as_json or lines is None else "\n".join(lines(value)))


def _print_table(rows: Sequence[dict], *, title: str | None = None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*rows[0], box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    # In a pipe there is no width to fit into: a row stays on a line, so that grep finds it whole.
    console = Console(width=None if sys.stdout.isatty() else 250)
    if title:
        console.print(title, style="bold", highlight=False)
    console.print(table)


@app.command()
def demo(project: ProjectOption = Path()) -> None:
    """Write the demo corpus, spoken by eSpeak NG."""
    _run_stage("demo", project)


@app.command()
def ingest(project: ProjectOption = Path()) -> None:
    """Recordings → clip store and manifest, with speaker-disjoint splits."""
    _run_stage("ingest", project)


@app.command()
def prosody(project: ProjectOption = Path()) -> None:
    """Frame tracks and functionals of every clip."""
    _run_stage("prosody", project)


@app.command()
def fit_converter(
    project: ProjectOption = Path(),
    also: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of another project whose training speakers are learnt from too; may be given several times. "
            "What `dvc repro` is to keep stands in params.yaml."
        ),
    ] = None,
) -> None:
    """Fit the conversion model to the training speakers, of this project or of several."""
    from functools import partial

    from emoforge.pipeline.fit_converter import run
    from emoforge.pipeline.stage import run_stage

    run_stage("fit_converter", partial(run, also=also or []), root=project)


@app.command()
def convert(
    recording: Annotated[
        Path | None, typer.Argument(help="A neutral recording. Without one, the stage convert of the project runs.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Target emotion, such as anger.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write the conversion.")] = None,
    intensity: Annotated[float, typer.Option(min=0.0, max=1.0, help="How strong the emotion is made.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Another seed gives another performance.")] = 0,
    converter: Annotated[
        Path | None, typer.Option(help="Folder of a fitted converter.", show_default="the one that comes with emoforge")
    ] = None,
    style: Annotated[
        Path | None, typer.Option(help="A recording whose manner is copied, where the converter can.")
    ] = None,
    project: Annotated[
        Path | None,
        typer.Option("--project", "-C", help="Folder that holds params.yaml; with a recording, its converter is used."),
    ] = None,
) -> None:
    """Convert one recording, or without one run the stage convert: neutral clips → every target emotion."""
    if recording is None:
        if to or output or style:
            raise typer.BadParameter("--to, --output and --style need a recording to convert")
        _run_stage("convert", project or Path())
        return
    if to is None or output is None:
        raise typer.BadParameter("a recording needs --to EMOTION and --output FILE")
    from emoforge.pipeline.convert_file import convert_file
    from emoforge.pipeline.layout import Layout

    if converter is None and project is not None:
        converter = Layout(project).stage("converter")
    print(convert_file(recording, output, emotion=to, intensity=intensity, seed=seed, converter=converter, style=style))


@app.command()
def augment(project: ProjectOption = Path()) -> None:
    """Classical augmentation of the real training clips."""
    _run_stage("augment", project)


@app.command()
def score(project: ProjectOption = Path()) -> None:
    """Every quality and confidence score of every converted clip."""
    _run_stage("score", project)


@app.command()
def select(project: ProjectOption = Path()) -> None:
    """Thresholds, ratio and balance → kept clips, and why others are not."""
    _run_stage("select", project)


@app.command()
def publish(project: ProjectOption = Path()) -> None:
    """Write the kept clips as a dataset that Hugging Face `datasets` loads."""
    _run_stage("publish", project)


@app.command()
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
    from emoforge.pipeline.export import export
    from emoforge.pipeline.layout import Layout

    print(export(dataset or Layout(project).stage("publish"), out, to=to, shard_size=shard_size))


@app.command()
def train(project: ProjectOption = Path()) -> None:
    """Train one recogniser an arm: real, classical, synthetic and both."""
    _run_stage("train", project)


@app.command()
def evaluate(project: ProjectOption = Path()) -> None:
    """Measure the arms on speakers that nothing before has heard."""
    _run_stage("evaluate", project)


@app.command()
def evaluate_conversion(
    protocol: Annotated[Path, typer.Argument(help="The protocol in the project, YAML.")] = Path(
        "studies/conversion.yaml"
    ),
    systems: Annotated[str, typer.Option(help="Only these systems of it, with commas between.")] = "",
    corpora: Annotated[str, typer.Option(help="Only these corpora of it.")] = "",
    rotations: Annotated[str, typer.Option(help="Only these rotations of speakers, such as 0,1.")] = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where results go.", show_default="studies/NAME, when all of it is run"),
    ] = None,
    samples: Annotated[
        tuple[int, Path] | None,
        typer.Option(help="Write so many conversions of each corpus as WAV to a folder.", metavar="N FOLDER"),
    ] = None,
    project: ProjectOption = Path(),
) -> None:
    """Measure every converter on the same clips: emotion, voice, words, naturalness, and against real performances."""
    from emoforge.pipeline.evaluate_conversion import run

    numbers = _listed(rotations)
    if not all(number.isdecimal() for number in numbers):
        raise typer.BadParameter(f"--rotations takes numbers with commas between, not {rotations!r}")
    print(
        run(
            protocol,
            root=project,
            systems=_listed(systems),
            corpora=_listed(corpora),
            chosen_rotations=[int(number) for number in numbers],
            output=output,
            samples=samples,
        )
    )


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


@app.command()
def study(
    name: Annotated[str, typer.Argument(help="A file in studies/ without its suffix, or a path of one.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where results go.", show_default="studies/NAME")
    ] = None,
    project: ProjectOption = Path(),
) -> None:
    """Find out when synthetic emotion helps: folds, seeds, arms and ratios, every choice made on training speakers."""
    from emoforge.pipeline.study import run

    print(run(name, root=project, output=output))


@app.command()
def recommend(
    write: Annotated[bool, typer.Option("--write", help="Write the advice into params.yaml.")] = False,
    project: ProjectOption = Path(),
) -> None:
    """Say whether synthetic clips help here, and how many and which: by validation on training speakers alone."""
    from emoforge.pipeline.recommend import run

    for line in run(root=project, write=write):
        print(line)


@app.command()
def report(project: ProjectOption = Path()) -> None:
    """Write a page to look at and listen to."""
    _run_stage("report", project)


@app.command()
def trace(
    clip: Annotated[str, typer.Argument(help="clip_id, the beginning of one, or a file named by one.")],
    json: JsonOption = False,
    project: ProjectOption = Path(),
) -> None:
    """Say where a clip comes from: recording, converter, params, scores, licence and version."""
    from emoforge.pipeline.trace import lines, trace

    _print(trace(clip, root=project), lines, as_json=json)


@app.command()
def audit(
    dataset: Annotated[
        Path | None, typer.Argument(help="Folder of a published set.", show_default="all clips of the project")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    json: JsonOption = False,
    project: ProjectOption = Path(),
) -> None:
    """Check a set: checksums, leaks, duplicates, licences, balance. Status 1 says that there is an error."""
    from emoforge.pipeline.audit import audit, lines

    report = audit(dataset, root=project)
    _print(report, lines, as_json=json)
    if report["errors"] or (strict and report["warnings"]):
        raise typer.Exit(1)


@app.command()
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
    from emoforge.pipeline.withdraw import lines, withdraw

    for line in lines(withdraw(speaker, root=project, dataset=dataset, converters=converter or [], dry_run=dry_run)):
        print(line)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="REV_A", help="Git revision, or name of an experiment.")],
    after: Annotated[str | None, typer.Argument(metavar="REV_B", show_default="the working tree")] = None,
    json: JsonOption = False,
    project: ProjectOption = Path(),
) -> None:
    """Say what changed between two versions of the set: clips in and out, why, and scores."""
    from emoforge.pipeline.diff import diff, tables

    changed = diff(before, after, root=project)
    if json:
        _print(changed, None, as_json=True)
        return
    for title, rows in tables(changed).items():
        _print_table(rows, title=f"\n{title}")


@app.command()
def predict(
    recordings: Annotated[list[Path], typer.Argument(help="Recordings of one speaker.")],
    model: Annotated[
        Path | None, typer.Option(help="Folder of a recogniser.", show_default="the project's models/synthetic")
    ] = None,
    enrol: Annotated[
        list[Path] | None, typer.Option(help="A neutral recording of the same speaker; may be given several times.")
    ] = None,
    project: ProjectOption = Path(),
) -> None:
    """Say which emotion a recogniser hears, calibrated to the speaker by neutral recordings."""
    from emoforge.pipeline.single import predict_files

    for line in predict_files(recordings, model=model, enrolment=enrol or [], root=project):
        print(line)


@app.command()
def params(project: ProjectOption = Path()) -> None:
    """Print every key of params.yaml with its value and what it means."""
    from emoforge.params import explain, load_params

    for line in explain(load_params(project / "params.yaml")):
        print(line)


@app.command()
def doctor(project: ProjectOption = Path()) -> None:
    """Say what is installed, which device computes, and where the corpora are."""
    from emoforge.pipeline.doctor import examine

    for line in examine(project):
        print(line)


@corpora_app.command("list")
def corpora_list() -> None:
    """Print every corpus that emoforge reads."""
    from emoforge.corpora import corpora_table

    _print_table(corpora_table())


@corpora_app.command("fetch")
def corpora_fetch(
    name: Annotated[str, typer.Argument(help="Corpus, as `emoforge corpora list` names it.")],
    folder: Annotated[Path | None, typer.Option("--to", help="Where to keep it.", show_default="data/corpora")] = None,
) -> None:
    """Download a corpus that has an open address; goes on where a broken download stopped."""
    from emoforge.corpora.fetch import fetch

    print(fetch(name, folder or Path("data/corpora")))


@corpora_app.command("import")
def corpora_import(
    name: Annotated[str, typer.Argument(help="Corpus, as `emoforge corpora list` names it.")],
    root: Annotated[Path, typer.Argument(help="Folder of its download, or the table.")],
    project: ProjectOption = Path(),
) -> None:
    """Check a corpus on this disk and make it the project's: `dvc repro` uses it from then on."""
    from emoforge.pipeline.single import import_corpus

    print(import_corpus(name, root, project))


if __name__ == "__main__":
    main()
