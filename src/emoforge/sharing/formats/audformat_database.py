"""An audformat database: emotion tables by split, a table of files, and FLAC files.

The names follow audformat's conventions: tables and schemes in lower case, one table of emotions per split, facts
about a file in ``files``, facts about a speaker in the misc table that the speaker scheme refers to.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from emoforge.base.errors import ManifestError
from emoforge.dataset.licences import terms_of
from emoforge.sharing.formats.shards import Audio, by_split, map_keys, stream, write_flac_files

#: What audformat calls the published splits.
AUDFORMAT_SPLITS = {"train": "train", "validation": "dev", "test": "test"}

_CONFIDENCE = "emotion.confidence"
# Fields that other tables than ``files`` hold.
_ELSEWHERE = ("emotion", "emotion_confidence", "emotion_probabilities", "gender")


def write_audformat(table: pa.Table, audio: Audio, folder: str | os.PathLike, *, licence: str) -> Path:
    """Write the clips of *table* as FLAC files below ``folder/audio``, with the database's header and tables.

    ``emotion.<split>`` holds each clip's target emotion and the judge's confidence, ``emotion.probabilities``
    the judge's distribution with one column per emotion, ``files`` all other fields, and the misc table ``speaker`` the
    gender of each speaker.

    Args:
        table: a manifest.
        audio: returns the FLAC bytes of a clip_id.
        folder: of the database.
        licence: of the whole set.

    Returns:
        the header, ``db.yaml``.

    Raises:
        ManifestError: a speaker has two genders, for which the database has no place.
    """
    import audformat

    folder = Path(folder)
    genders = _genders(table)
    database = audformat.Database(
        "emoforge",
        source="converted by a machine from neutral recordings, see README.md",
        usage="research" if terms_of(licence).non_commercial else "commercial",
        languages=_languages(table),
        license=licence,
    )
    database.media["flac"] = audformat.Media("audio", format="flac", channels=1, bit_depth=16)
    database.raters["converter"] = audformat.Rater("machine", description="what the conversion aimed at")
    database.raters["judge"] = audformat.Rater("machine", description="a speech emotion recogniser")
    database.schemes["emotion"] = audformat.Scheme("str", labels=sorted(set(table.column("emotion").to_pylist())))
    database.schemes[_CONFIDENCE] = audformat.Scheme("float", minimum=0, maximum=1)
    _add_speakers(database, genders)
    paths: list[str] = []
    rows: list[dict] = []
    for split, part in by_split(table):
        clips = stream(part, audio, description=f"{split}, audformat")
        written = list(write_flac_files(clips, folder, f"audio/{split}"))
        _add_emotions(database, AUDFORMAT_SPLITS[split], written)
        paths += [path for _, path in written]
        rows += [fields for fields, _ in written]
    _add_files(database, [field for field in table.schema if field.name not in _ELSEWHERE], paths, rows)
    _add_probabilities(database, map_keys(table, "emotion_probabilities"), paths, rows)
    database.save(str(folder), storage_format="parquet")
    return folder / "db.yaml"


def _add_speakers(database: Any, genders: dict[str, str]) -> None:
    import audformat
    import pandas as pd

    database.schemes["gender"] = audformat.Scheme("str", labels=sorted(set(genders.values())))
    database["speaker"] = audformat.MiscTable(pd.Index(list(genders), name="speaker", dtype="string"))
    _add_column(database["speaker"], "gender", list(genders.values()), scheme="gender")
    database.schemes["speaker"] = audformat.Scheme("str", labels="speaker")


def _add_emotions(database: Any, split: str, clips: Sequence[tuple[dict, str]]) -> None:
    import audformat

    database.splits[split] = audformat.Split(split)
    index = audformat.filewise_index([path for _, path in clips])
    table = database[f"emotion.{split}"] = audformat.Table(index, split_id=split)
    rows = [fields for fields, _ in clips]
    _add_column(table, "emotion", [fields["emotion"] for fields in rows], scheme="emotion", rater="converter")
    confidences = [fields["emotion_confidence"] for fields in rows]
    _add_column(table, _CONFIDENCE, confidences, scheme=_CONFIDENCE, rater="judge")


def _add_files(database: Any, fields: Sequence[pa.Field], paths: Sequence[str], rows: Sequence[dict]) -> None:
    import audformat

    table = database["files"] = audformat.Table(audformat.filewise_index(list(paths)))
    for field in fields:
        if field.name not in database.schemes:
            description = (field.metadata or {}).get(b"description", b"").decode() or None
            database.schemes[field.name] = audformat.Scheme(_dtype(field.type), description=description)
        _add_column(table, field.name, [row[field.name] for row in rows], scheme=field.name)


def _add_probabilities(database: Any, emotions: Sequence[str], paths: Sequence[str], rows: Sequence[dict]) -> None:
    import audformat

    table = database["emotion.probabilities"] = audformat.Table(audformat.filewise_index(list(paths)))
    for emotion in emotions:
        values = [(row["emotion_probabilities"] or {}).get(emotion) for row in rows]
        _add_column(table, emotion, values, scheme=_CONFIDENCE, rater="judge")


def _add_column(table: Any, name: str, values: list, *, scheme: str, rater: str | None = None) -> None:
    import audformat

    table[name] = audformat.Column(scheme_id=scheme, rater_id=rater)
    table[name].set(values)


def _genders(table: pa.Table) -> dict[str, str]:
    genders: dict[str, str] = {}
    for speaker, gender in sorted(
        set(zip(table.column("speaker").to_pylist(), table.column("gender").to_pylist(), strict=True))
    ):
        if genders.setdefault(speaker, gender) != gender:
            raise ManifestError(
                f"speaker {speaker!r} is {genders[speaker]} in some clips and {gender} in others, and audformat keeps "
                "one gender per speaker; mend the corpus's table, or export to another format"
            )
    return genders


def _languages(table: pa.Table) -> list[str]:
    """Return the languages that ISO 639-3 knows; a corpus of one's own may name others, which ``files`` keeps."""
    import audformat

    known = []
    for language in sorted(set(table.column("language").drop_null().to_pylist())):
        try:
            known.append(audformat.utils.map_language(language))
        except ValueError:
            continue
    return known


def _dtype(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "bool"
    if pa.types.is_integer(kind):
        return "int"
    return "float" if pa.types.is_floating(kind) else "str"
