"""Any database in the audformat format (audEERING): a root with ``db.yaml`` and its tables.

The database needs a scheme or column ``emotion``, filled with aliases that
:func:`emoforge.dataset.labels.canonical_emotion` knows, and one named ``speaker``. Read where present: ``gender`` (or
``sex``), ``language``, ``text`` or ``transcription`` or ``transcript``, ``sentence``. Attributes of a speaker that
are stored in the labels of the speaker scheme (gender, language) are found too. Segments become stretches of their
file. A row without emotion, without speaker or without audio on the disk is left out.

Needs the audformat package: ``pip install emoforge[audformat]``.
"""

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from emoforge.base.errors import CorpusError, EmoforgeError
from emoforge.corpora.files import finish, wrong_root
from emoforge.corpora.recording import CorpusInfo, Recording
from emoforge.dataset.labels import EMOTIONS, GENDERS, canonical_emotion

INFO = CorpusInfo(
    name="audformat-db",
    title="a database in the audformat format",
    languages=(),
    n_speakers=None,
    n_clips=None,
    labels=dict(zip(EMOTIONS, EMOTIONS, strict=True)),
    style="acted",
    licence="as the database's header states",
    derivatives=True,
    redistributable=False,
    non_commercial=True,
    url="https://audeering.github.io/audformat",
    citation="",
    access="publish the database with audformat or load one with audb",
    own=True,
)

_OPTIONAL = {
    "gender": ("gender", "sex"),
    "language": ("language",),
    "text": ("text", "transcription", "transcript"),
    "sentence": ("sentence",),
}
_EXPECTED = "db.yaml and its tables, with the schemes emotion and speaker"


def read(root: Path) -> list[Recording]:
    """Return the recordings of the database at *root*, sorted by stem.

    Raises:
        CorpusError: audformat is not installed, *root* is not a database, or a scheme or emotion is unknown.
    """
    if not (root / "db.yaml").is_file():
        raise wrong_root(root, INFO, _EXPECTED)
    audformat = _import_audformat()
    with warnings.catch_warnings():
        # audformat's own use of pandas, nothing that a caller could change.
        warnings.filterwarnings("ignore", message="The inplace keyword", category=DeprecationWarning)
        try:
            database = audformat.Database.load(str(root), load_data=True)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
            reason = " ".join(str(error).split())
            raise CorpusError(f"{root} cannot be read as an audformat database: {reason}") from error
        frame = _get(database, root)
    recordings = []
    for index, row in frame.iterrows():
        # Filewise tables are indexed by file, segmented ones by file, start and end.
        file, start, end = index if isinstance(index, tuple) else (index, None, None)
        path = root / file
        speaker = _text(row, "speaker")
        emotion = _text(row, "emotion")
        if not emotion or not speaker or not path.is_file():
            continue
        start_s, end_s = _seconds(start), _seconds(end)
        stem = Path(file).with_suffix("").as_posix()
        if start_s or end_s is not None:
            stem = f"{stem}_{start_s or 0:.3f}-{'end' if end_s is None else f'{end_s:.3f}'}"
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=speaker,
                emotion=_emotion(emotion, f"{root}, {file}"),
                gender=gender if (gender := (_text(row, "gender") or "unknown").lower()) in GENDERS else "other",
                language=_language(_text(row, "language") or next(iter(database.languages), "")),
                text=_text(row, "text"),
                sentence=_text(row, "sentence"),
                intensity=None,
                stem=stem,
                start_s=start_s or None,
                end_s=end_s,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)


def _import_audformat() -> Any:
    try:
        import audformat
    except ImportError as error:
        raise CorpusError("reading audformat databases needs a package: pip install emoforge[audformat]") from error
    return audformat


def _get(database: Any, root: Path) -> Any:
    """Return one data frame with the columns emotion and speaker and those of :data:`_OPTIONAL` that exist."""
    known = set(database.schemes)
    for scheme in database.schemes.values():
        if isinstance(scheme.labels, dict):
            known.update(key for label in scheme.labels.values() if isinstance(label, dict) for key in label)
        elif isinstance(scheme.labels, str) and scheme.labels in database.misc_tables:
            known.update(database.misc_tables[scheme.labels].columns)
    for table in database.tables.values():
        known.update(table.columns)
    missing = [name for name in ("emotion", "speaker") if name not in known]
    if missing:
        have = ", ".join(sorted(known)) or "none"
        raise CorpusError(f"{root} has no scheme or column {', '.join(missing)}; it has {have}")
    chosen = {field: name for field, names in _OPTIONAL.items() for name in reversed(names) if name in known}
    try:
        frame = database.get("emotion", ["speaker", *chosen.values()])
    except ValueError as error:
        raise CorpusError(f"{root}: tables disagree: {error}") from error
    return frame.rename(columns={name: field for field, name in chosen.items()})


def _text(row: Mapping[str, Any], column: str) -> str | None:
    value = row.get(column)
    if value is None or value != value or str(value) == "<NA>":
        return None
    return str(value).strip() or None


def _seconds(value: Any) -> float | None:
    """Return a pandas Timedelta in seconds; None for NaT, which stands for the file's end."""
    seconds = math.nan if value is None else value.total_seconds()
    return None if math.isnan(seconds) else seconds


def _emotion(name: str, where: str) -> str:
    try:
        return canonical_emotion(name)
    except EmoforgeError as error:
        raise CorpusError(f"{where}: {error}") from error


def _language(code: str) -> str:
    """Return ISO 639-1 for audformat's ISO 639-3 code; unknown codes are kept."""
    if len(code) != 3:
        return code or "und"
    import iso639  # comes with audformat

    try:
        return iso639.Lang(code).pt1 or code
    except iso639.exceptions.InvalidLanguageValue:
        return code
