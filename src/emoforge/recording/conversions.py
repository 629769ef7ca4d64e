"""Many recordings, emotions and seeds into one folder, with a table of what came of each; a killed run goes on."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emoforge.base.audio import AudioFile
from emoforge.base.batch import map_chunks, one_thread
from emoforge.base.errors import AudioError, EmoforgeError, ManifestError, unknown_value
from emoforge.convert import registry
from emoforge.convert.utterance import Utterance
from emoforge.project.checksums import file_sha256, folder_sha256
from emoforge.recording.convert import (
    check_request,
    converter_folder,
    load_converter,
    style_reference,
    write_conversion,
)
from emoforge.recording.files import Found, append_line, read_table, recordings, write_table
from emoforge.recording.signals import open_file

#: What a conversion depends on: an existing one with the same values is kept.
SETTINGS = ("source_sha256", "converter_sha256", "style_sha256", "emotion", "seed", "intensity")
TABLES = ("csv", "parquet")

_JOURNAL = ".manifest.jsonl"


@dataclass(frozen=True)
class _Wanted:
    """One conversion: where it goes, relative to the folder, and what it is."""

    output: str
    emotion: str
    seed: int


@dataclass(frozen=True)
class _Job:
    """All conversions of one recording.

    Attributes:
        recording: the file.
        wanted: its conversions.
        folder: where they go.
        converter: folder of the converter.
        settings: values of SETTINGS that all conversions share, and the name of the converter.
        references: emotion → style reference, where a style is copied.
        known: output → row of an earlier run.
    """

    recording: Path
    wanted: tuple[_Wanted, ...]
    folder: Path
    converter: Path
    settings: dict[str, Any]
    references: Mapping[str, Utterance]
    known: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Made:
    """What came of a run.

    Attributes:
        rows: one for every conversion asked for, as in the table: source, output (below the folder; empty for what
            failed), emotion, seed, intensity, converter, duration_s, reason (empty for what succeeded) and checksums.
        kept: how many of them an earlier run had made.
        table: file that holds the rows.
    """

    rows: list[dict]
    kept: int
    table: Path

    @property
    def failed(self) -> list[dict]:
        """Rows of what failed."""
        return [row for row in self.rows if row["reason"]]


def convert_recordings(
    paths: Sequence[Path],
    folder: Path,
    *,
    to: Sequence[str],
    seeds: Sequence[int] = (0,),
    intensity: float = 1.0,
    converter: Path | None = None,
    style: Path | None = None,
    table: str = "csv",
    workers: int = 1,
) -> Made:
    """Convert every recording to every emotion with every seed.

    An output is ``<name>_<emotion>_<seed>`` with the extension of its recording, in the subfolder that the recording
    has; what is neither .wav nor .flac becomes .wav. What an earlier run made with the same settings of the same
    recording is kept. A recording that cannot be converted is a row with a reason.

    Args:
        paths: recordings, and folders of them.
        folder: where conversions go, and ``manifest.csv``.
        to: emotions, see :func:`emoforge.recording.convert.convert`.
        seeds: one for every performance.
        intensity: 0 (as recorded) to 1 (all of the emotion).
        converter: folder of a fitted converter; the one that comes with emoforge when omitted.
        style: a recording whose style is copied, for converters that can.
        table: ``"csv"`` or ``"parquet"``.
        workers: processes; 0 means one for every core.

    Raises:
        EmoforgeError: a path is missing, an emotion is unknown to the converter, a recording or another file would be
            overwritten, two outputs would have one name; all that is known before the converter is loaded. Or the
            folder cannot be written to.
    """
    if table not in TABLES:
        raise EmoforgeError(unknown_value("table", table, TABLES))
    if any(path.is_dir() and path.resolve() == folder.resolve() for path in paths):
        raise EmoforgeError(f"{folder}: holds the recordings; choose another folder for conversions")
    found = recordings(paths, outside=folder)
    model_folder = converter_folder(converter)
    name, emotions = registry.describe(model_folder)
    names = list(
        dict.fromkeys(check_request(name, emotions, emotion, intensity, seed) for emotion in to for seed in seeds)
    )
    if style is not None and not style.exists():
        raise AudioError(f"{style}: missing: no such file")
    plan = _plan(found, names, seeds)
    known = _known(folder)
    _check_outputs(plan, folder, known)

    settings = {
        "intensity": float(intensity),
        "converter": name,
        "converter_sha256": folder_sha256(model_folder),
        "style_sha256": "" if style is None else file_sha256(style),
    }
    references = {}
    if style is not None:
        with one_thread():
            model = load_converter(model_folder)
            references = {emotion: style_reference(model, style, emotion) for emotion in names}
    _begin(folder, plan)
    jobs = [
        _Job(recording, wanted, folder, model_folder, settings, references, _of(wanted, known))
        for recording, wanted in plan.items()
    ]
    results = map_chunks(_convert, jobs, workers=workers, description="convert", unit="recording")
    done = [part for parts in results for part in parts]
    rows = [row for row, _ in done]
    path = folder / f"manifest.{table}"
    write_table(path, rows + _others({row["output"] for row in rows}, known, folder))
    (folder / _JOURNAL).unlink(missing_ok=True)
    for other in TABLES:
        if other != table:
            (folder / f"manifest.{other}").unlink(missing_ok=True)
    return Made(rows, sum(kept for _, kept in done), path)


def _plan(found: Sequence[Found], emotions: Sequence[str], seeds: Sequence[int]) -> dict[Path, tuple[_Wanted, ...]]:
    plan: dict[Path, tuple[_Wanted, ...]] = {}
    taken: dict[str, Path] = {}
    for recording in found:
        extension = recording.path.suffix.lower() if recording.path.suffix.lower() in (".wav", ".flac") else ".wav"
        wanted = []
        for emotion in emotions:
            for seed in dict.fromkeys(seeds):
                place = recording.place.with_name(f"{recording.place.stem}_{emotion}_{seed}{extension}").as_posix()
                if place in taken:
                    raise EmoforgeError(
                        f"{taken[place]} and {recording.path} would both become {place}; rename one, or convert the "
                        "folder that holds both"
                    )
                taken[place] = recording.path
                wanted.append(_Wanted(place, emotion, int(seed)))
        plan[recording.path] = tuple(wanted)
    return plan


def _known(folder: Path) -> dict[str, dict]:
    """Return output → row of what earlier runs made in *folder*, or had begun."""
    files = [folder / f"manifest.{table}" for table in TABLES]
    rows = [row for path in [*files, folder / _JOURNAL] if path.is_file() for row in _rows(path)]
    known: dict[str, dict] = {}
    for row in rows:
        known[row["output"]] = known.get(row["output"], {}) | row
    return known


def _rows(path: Path) -> list[dict]:
    rows = read_table(path)
    if path.name != _JOURNAL:
        try:
            if not all({"source", "output", *SETTINGS} <= row.keys() for row in rows):
                raise ValueError
            rows = [_typed(row) for row in rows]
        except ValueError:
            raise ManifestError(
                f"{path}: is no manifest of conversions, and would be overwritten; choose another folder"
            ) from None
    return [row for row in rows if row.get("output")]


def _typed(row: Mapping[str, object]) -> dict:
    """Give the values of a row back their types, which CSV has lost."""
    kinds = {"seed": int, "intensity": float, "duration_s": float}
    return {
        name: kinds[name](value) if name in kinds and value not in ("", None) else value for name, value in row.items()
    }


def _check_outputs(plan: Mapping[Path, Sequence[_Wanted]], folder: Path, known: Mapping[str, object]) -> None:
    sources = {path.resolve() for path in plan}
    for wanted in (item for items in plan.values() for item in items):
        path = folder / wanted.output
        if path.resolve() in sources:
            raise EmoforgeError(f"{path}: is what is read, and would be overwritten; choose another output")
        if path.exists() and wanted.output not in known:
            raise EmoforgeError(
                f"{path}: is there and in no manifest of this folder; remove it, or choose another output"
            )


def _begin(folder: Path, plan: Mapping[Path, Sequence[_Wanted]]) -> None:
    """Make the folder, and note which files in it are ours: what a killed run leaves there may be written again."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for wanted in (item for items in plan.values() for item in items):
            append_line(folder / _JOURNAL, {"output": wanted.output})
    except OSError as error:
        raise EmoforgeError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from error


def _of(wanted: Sequence[_Wanted], known: Mapping[str, dict]) -> dict[str, dict]:
    return {item.output: known[item.output] for item in wanted if item.output in known}


def _others(made: Container[str], known: Mapping[str, dict], folder: Path) -> list[dict]:
    """Return rows of earlier runs whose conversions are still there, but for outputs that were *made* in this one."""
    return [
        row for output, row in known.items() if "source" in row and output not in made and (folder / output).is_file()
    ]


def _convert(job: _Job) -> list[tuple[dict, bool]]:
    """Return a row for every conversion of one recording, and whether it was there already."""
    common: dict[str, Any] = {"source": str(job.recording), **job.settings}
    rows: list[tuple[dict, bool]] = []
    try:
        common["source_sha256"] = file_sha256(job.recording)
        pending = []
        for wanted in job.wanted:
            row = _row(common, wanted)
            if _is_whole(job, row):
                rows.append((dict(job.known[wanted.output]) | {"source": common["source"]}, True))
            else:
                pending.append(wanted)
        if not pending:
            return rows
        source = open_file(job.recording)
        model = load_converter(job.converter)
        heard = model.hear(source, str(job.recording))
    except (AudioError, OSError) as error:
        made = {row["output"] for row, _ in rows}
        return rows + [(_failure(common, item, error), False) for item in job.wanted if item.output not in made]
    for wanted in pending:
        # From here on, nothing that is known of a file of this name holds.
        append_line(job.folder / _JOURNAL, {"output": wanted.output, "duration_s": None})
        try:
            duration_s = write_conversion(
                model,
                source,
                heard,
                job.folder / wanted.output,
                emotion=wanted.emotion,
                intensity=float(job.settings["intensity"]),
                seed=wanted.seed,
                reference=job.references.get(wanted.emotion),
                progress=False,
            )
        except AudioError as error:
            rows.append((_failure(common, wanted, error), False))
            continue
        row = _row(common, wanted) | {"duration_s": duration_s}
        append_line(job.folder / _JOURNAL, row)
        rows.append((row, False))
    return rows


def _row(common: Mapping[str, Any], wanted: _Wanted) -> dict[str, Any]:
    return {
        "source": common["source"],
        "output": wanted.output,
        "emotion": wanted.emotion,
        "seed": wanted.seed,
        "intensity": common["intensity"],
        "converter": common["converter"],
        "duration_s": None,
        "reason": "",
        "source_sha256": common.get("source_sha256", ""),
        "converter_sha256": common["converter_sha256"],
        "style_sha256": common["style_sha256"],
    }


def _failure(common: Mapping[str, Any], wanted: _Wanted, error: Exception) -> dict[str, Any]:
    return _row(common, wanted) | {"output": "", "reason": str(error)}


def _is_whole(job: _Job, row: Mapping[str, Any]) -> bool:
    """Return whether an earlier run made what *row* asks for, and left all of it."""
    known = job.known.get(row["output"], {})
    if any(known.get(name) != row[name] for name in SETTINGS) or not known.get("duration_s"):
        return False
    try:
        file = AudioFile(job.folder / row["output"])
    except AudioError:
        return False
    return abs(file.n_samples / file.sampling_rate - known["duration_s"]) < 1 / file.sampling_rate
