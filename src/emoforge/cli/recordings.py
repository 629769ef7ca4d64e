"""Commands on single recordings."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emoforge.base.errors import EmoforgeError
from emoforge.cli.common import ProjectOption, run_stage

if TYPE_CHECKING:
    from emoforge.recording.predict import EmotionRecogniser
    from emoforge.recording.predictions import Asked


def convert(
    recordings: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Neutral recordings, or folders of them. Without any, the stage convert of the project runs."
        ),
    ] = None,
    to: Annotated[
        list[str] | None, typer.Option("--to", help="Target emotion, such as anger; may be given several times.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File of one conversion, or folder of several and their manifest."),
    ] = None,
    intensity: Annotated[float, typer.Option(min=0.0, max=1.0, help="How strong the emotion is made.")] = 1.0,
    seed: Annotated[
        list[int] | None,
        typer.Option(
            min=0, help="Another seed gives another performance; may be given several times.", show_default="0"
        ),
    ] = None,
    variants: Annotated[
        int | None, typer.Option(min=1, help="Number of performances of each conversion; seeds count up from --seed.")
    ] = None,
    converter: Annotated[
        Path | None, typer.Option(help="Folder of a fitted converter.", show_default="the one that comes with emoforge")
    ] = None,
    style: Annotated[
        Path | None, typer.Option(help="A recording whose style is copied, if the converter can do that.")
    ] = None,
    table: Annotated[str, typer.Option(help="Format of the manifest of several conversions: csv or parquet.")] = "csv",
    workers: Annotated[
        int, typer.Option(min=0, help="Processes for several conversions; 0 means one for every core.")
    ] = 1,
    project: Annotated[
        Path | None,
        typer.Option("--project", "-C", help="Folder that holds params.yaml; with recordings, its converter is used."),
    ] = None,
) -> None:
    """Convert recordings to an emotion. Without any, run the stage convert: neutral clips → every target emotion.

    One recording, emotion and seed make one file. Several go into a folder, with a table of what came of each; what is
    there already is kept when the command is run again.
    """
    if not recordings:
        if to or output or style:
            raise typer.BadParameter("--to, --output and --style need a recording to convert")
        run_stage("convert", project or Path())
        return
    if not to or output is None:
        raise typer.BadParameter("a recording needs --to EMOTION and --output FILE")
    seeds = _seeds(seed or [0], variants)
    if converter is None and project is not None:
        from emoforge.project.layout import Layout

        converter = Layout(project).stage("converter")
    several = len(recordings) * len(to) * len(seeds) > 1 or recordings[0].is_dir() or output.is_dir()
    if not several:
        from emoforge.recording.files import check_paths

        # Before anything heavy is imported.
        check_paths(recordings[0], output)
        from emoforge.recording.convert import convert_file

        made = convert_file(
            recordings[0], output, to=to[0], intensity=intensity, seed=seeds[0], converter=converter, style=style
        )
        print(f"{made.path}: {made.emotion}, intensity {intensity:g}, {made.duration_s:.2f} s ({made.converter})")
        return
    if output.is_file() or output.suffix.lower() in (".wav", ".flac"):
        raise EmoforgeError(f"{output}: several conversions go into a folder; name one with --output")
    from emoforge.recording.conversions import convert_recordings

    result = convert_recordings(
        recordings,
        output,
        to=to,
        seeds=seeds,
        intensity=intensity,
        converter=converter,
        style=style,
        table=table,
        workers=workers,
    )
    _report_failures(result.failed, len(result.rows), "source", result.table)
    kept = f", {result.kept} of them from an earlier run" if result.kept else ""
    print(f"{output}: {len(result.rows) - len(result.failed)} conversions{kept}; {result.table}")


def predict(
    recordings: Annotated[
        list[Path],
        typer.Argument(help="Recordings of one speaker, folders of them, a manifest.parquet or a published set."),
    ],
    model: Annotated[
        Path | None,
        typer.Option(help="Folder of a recogniser of any kind.", show_default="the project's models/synthetic"),
    ] = None,
    enrol: Annotated[
        list[Path] | None,
        typer.Option(help="A neutral recording of the same speaker; may be given several times."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A .csv, .parquet or .jsonl file.", show_default="lines on the terminal"),
    ] = None,
    prior: Annotated[
        str,
        typer.Option(
            help="How often emotions occur in these recordings: none (not asked), em (estimated from the answers), "
            "equal (about equally often), or known shares such as neutral=0.7,anger=0.1."
        ),
    ] = "none",
    uncertain_below: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Mark answers below this probability as uncertain."),
    ] = None,
    certain: Annotated[
        float | None,
        typer.Option(
            help="Mark answers as uncertain, so that of the others this share is right, as on validation speakers."
        ),
    ] = None,
    project: ProjectOption = Path(),
) -> None:
    """Predict the emotion of recordings. Neutral recordings calibrate the recogniser to the speaker.

    With --prior all recordings of one call are taken together, and a line says how far the shares moved.
    """
    if uncertain_below is not None and certain is not None:
        raise typer.BadParameter("--certain chooses the probability that --uncertain-below names; give one of them")
    from emoforge.evaluation.certainty import certainty_of
    from emoforge.project.layout import Layout
    from emoforge.recording.answers import parse_prior, with_prior, with_uncertain
    from emoforge.recording.files import check_table, write_table
    from emoforge.recording.predict import load_recogniser
    from emoforge.recording.predictions import predictions

    for path in [*recordings, *(enrol or [])]:
        if not path.exists():
            raise EmoforgeError(f"{path}: missing: no such file")
    if output is not None:
        check_table(output)
    folder = model or Layout(project).models / "synthetic"
    recogniser = load_recogniser(folder)
    shares = parse_prior(prior, recogniser.emotions)
    asked = _asked(recogniser, recordings, enrol or [])
    if certain is not None:
        enrolled = all(len(item.enrolment.examples) for item in asked)
        uncertain_below = certainty_of(folder, enrolled=enrolled).threshold_for_accuracy(certain)
        typer.echo(f"certain: answers of a probability below {uncertain_below:.3f} are uncertain", err=True)
    # With a prior, no answer is final before the last recording is heard.
    later = prior != "none"
    answers: Iterable[dict] = _counted(predictions(recogniser, asked), len(asked), shown=output is not None or later)
    if later:
        answers, moved = with_prior(list(answers), recogniser.emotions, shares)
        typer.echo(moved, err=True)
    rows = []
    for row in answers:
        rows.append(row if uncertain_below is None else with_uncertain(row, uncertain_below))
        if output is None and not row["reason"]:
            print(_line(rows[-1], recogniser.emotions))
    failed = [row for row in rows if row["reason"]]
    if output is not None:
        write_table(output, rows)
    _report_failures(failed, len(rows), "recording", output)
    if output is not None:
        print(f"{output}: {len(rows) - len(failed)} recordings")


def _line(row: dict, emotions: Iterable[str]) -> str:
    ranked = sorted(emotions, key=lambda emotion: -row[emotion])
    probabilities = ", ".join(f"{emotion} {row[emotion]:.2f}" for emotion in ranked)
    return f"{row['recording']}: " + (f"uncertain ({probabilities})" if row.get("uncertain") else probabilities)


def _seeds(given: list[int], variants: int | None) -> list[int]:
    if variants is None:
        return given
    if len(given) > 1:
        raise typer.BadParameter("--variants counts from one --seed; give several seeds, or one and --variants")
    return list(range(given[0], given[0] + variants))


def _asked(recogniser: "EmotionRecogniser", paths: list[Path], enrol: list[Path]) -> "list[Asked]":
    """Return what is asked for: recordings of the enrolled speaker, or the clips of manifests and published sets."""
    from emoforge.recording.predictions import asked_of_clips, asked_of_files, asked_of_manifest

    manifests = [path for path in paths if path.suffix == ".parquet"]
    sets = [path for path in paths if path.is_dir() and any((path / "data").glob("*.parquet"))]
    files = [path for path in paths if path not in manifests and path not in sets]
    if enrol and not files:
        raise EmoforgeError("--enrol goes with recordings; the speakers of a manifest are enrolled by its own clips")
    asked = asked_of_files(recogniser, files, enrol=enrol)
    for path in manifests:
        asked += asked_of_manifest(recogniser, path)
    for path in sets:
        from emoforge.sharing.published import open_set

        clips = open_set(path)
        asked += asked_of_clips(recogniser, clips.table, clips.read)
    return asked


def _counted(rows: Iterable[dict], total: int, *, shown: bool) -> Iterable[dict]:
    from tqdm import tqdm

    return tqdm(rows, total=total, desc="predict", unit="recording", disable=None if shown else True)


def _report_failures(failed: list[dict], total: int, name: str, table: Path | None) -> None:
    """Say what could not be used; nothing usable at all is an error."""
    reasons = list(dict.fromkeys(f"{row[name]}: {row['reason']}" for row in failed))
    if failed and len(failed) == total:
        others = f"; nor could {len(reasons) - 1} others" if len(reasons) > 1 else ""
        raise EmoforgeError(f"{reasons[0]}{others}{f' (see {table})' if table and others else ''}")
    for reason in reasons:
        typer.echo(reason, err=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    for command in (convert, predict):
        app.command()(command)
