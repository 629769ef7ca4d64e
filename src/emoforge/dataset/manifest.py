"""The manifest: one row per clip, recorded or converted, kept or rejected.

Every stage reads the manifest before it and writes its own with more rows or more columns filled; no stage alters
what another has written. The schema below is the whole of it: columns that a stage has not reached yet are null.
"""

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from emoforge.base.errors import ManifestError, unknown_value
from emoforge.dataset.labels import EMOTIONS, GENDERS, ORIGINS, SPLITS

Content = TypeVar("Content")

SCHEMA_VERSION = "2"
#: Earlier versions that are read too, with the columns that they did not have: these are null then.
_ADDED_SINCE = {"1": ("emotion_confidence_functionals",)}


def _field(name: str, kind: pa.DataType, description: str, *, unit: str = "", required: bool = False) -> pa.Field:
    metadata = {"description": description} | ({"unit": unit} if unit else {})
    return pa.field(name, kind, nullable=not required, metadata=metadata)


_PROBABILITIES = pa.map_(pa.string(), pa.float32())

SCHEMA = pa.schema(
    [
        _field("clip_id", pa.string(), "made from content and lineage, the same on every machine", required=True),
        _field("source_clip_id", pa.string(), "the recorded clip that was converted"),
        _field("style_clip_id", pa.string(), "the recorded clip whose manner was copied, where there is one"),
        _field("corpus", pa.string(), "registry name of the corpus", required=True),
        _field("speaker", pa.string(), "corpus and speaker, unique over all corpora", required=True),
        _field("gender", pa.string(), "one of " + ", ".join(GENDERS), required=True),
        _field("language", pa.string(), "ISO 639-1 code"),
        _field("text", pa.string(), "the words"),
        _field("emotion", pa.string(), "what the clip should be heard as", required=True),
        _field("source_emotion", pa.string(), "emotion of the source of a converted clip"),
        _field("intensity", pa.float32(), "how strong the emotion is meant to be", unit="0..1"),
        _field("origin", pa.string(), "one of " + ", ".join(ORIGINS), required=True),
        _field("split", pa.string(), "one of " + ", ".join(SPLITS) + "; a speaker is in one only", required=True),
        _field("enrolment", pa.bool_(), "calibrates its speaker and is never scored", required=True),
        _field("sentence", pa.string(), "equal where the same words are spoken"),
        _field("duration_s", pa.float64(), "length of the stored clip", unit="s", required=True),
        _field("sampling_rate", pa.int32(), "of the stored clip", unit="Hz", required=True),
        _field("audio_sha256", pa.string(), "of the stored 16-bit samples and their rate", required=True),
        _field("licence", pa.string(), "SPDX identifier where there is one", required=True),
        _field("converter", pa.string(), "name of the conversion method"),
        _field("converter_sha256", pa.string(), "checksum of the fitted converter"),
        _field("seed", pa.int64(), "seed of the conversion"),
        _field("naturalness", pa.float32(), "DNSMOS overall", unit="1..5"),
        _field("speaker_similarity", pa.float32(), "cosine to the speaker's other neutral clips", unit="-1..1"),
        _field("content_error", pa.float32(), "how far the words are from the source's", unit="0..1"),
        _field("clipping_share", pa.float32(), "share of samples at full scale", unit="0..1"),
        _field("silence_share", pa.float32(), "share of silent frames", unit="0..1"),
        _field("duration_ratio", pa.float32(), "length over the source's length"),
        _field("f0_median_hz", pa.float32(), "median F0 of the voiced frames", unit="Hz"),
        _field("f0_range_st", pa.float32(), "5th to 95th percentile of F0", unit="semitones"),
        _field("emotion_confidence", pa.float32(), "the judge's probability of the emotion", unit="0..1"),
        _field(
            "emotion_confidence_functionals",
            pa.float32(),
            "the same by a judge of functionals, where the judge is another",
            unit="0..1",
        ),
        _field("emotion_probabilities", _PROBABILITIES, "the judge's whole distribution"),
        _field("keep", pa.bool_(), "whether select kept the clip"),
        _field("reject_reason", pa.string(), "why it did not; empty for a kept clip"),
    ],
    metadata={"emoforge_schema": SCHEMA_VERSION},
)

REJECTED_SCHEMA = pa.schema(
    [
        _field("corpus", pa.string(), "registry name of the corpus", required=True),
        _field("clip", pa.string(), "the recording's name in its corpus, or the id of the source", required=True),
        _field("emotion", pa.string(), "what it is, or should have become"),
        _field("reason", pa.string(), "why there is no such clip", required=True),
    ],
    metadata={"emoforge_schema": SCHEMA_VERSION},
)


def make_clip_id(*parts: object) -> str:
    """Return the id of the clip that *parts* (its content and lineage) describe: 20 hexadecimal digits."""
    text = "\x1f".join("" if part is None else str(part) for part in parts)
    return hashlib.blake2b(text.encode("utf-8"), digest_size=10).hexdigest()


def seed_from(*parts: object) -> int:
    """Return a seed of 63 bits from *parts*, so that a draw depends on what is drawn for and not on the order."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest(), "big") >> 1


def from_rows(rows: Iterable[Mapping[str, object]], *, schema: pa.Schema = SCHEMA) -> pa.Table:
    """Return *rows* as a table of the schema, sorted by clip_id where it has one; absent columns become null."""
    rows = list(rows)
    table = pa.table([pa.array([row.get(field.name) for row in rows], field.type) for field in schema], schema=schema)
    return table.sort_by("clip_id") if "clip_id" in schema.names else table


def set_columns(table: pa.Table, columns: Mapping[str, Collection]) -> pa.Table:
    """Return *table* with whole *columns* filled in.

    Raises:
        ManifestError: a column is not in the schema, or already holds values (rows are added, never altered).
    """
    for name, values in columns.items():
        if name not in table.schema.names:
            raise ManifestError(unknown_value("manifest column", name, SCHEMA.names))
        index = table.schema.get_field_index(name)
        if table.column(index).null_count < len(table):
            raise ManifestError(f"manifest column {name!r} is already filled; a stage never alters another's values")
        field = table.schema.field(index)
        table = table.set_column(index, field, pa.array(values, field.type))
    return table


def concatenate(tables: Iterable[pa.Table]) -> pa.Table:
    """Return the rows of all *tables*, sorted by clip_id."""
    return pa.concat_tables(tables).combine_chunks().sort_by("clip_id")


def write(table: pa.Table, path: str | os.PathLike) -> None:
    """Write *table* as Parquet (zstd); equal tables give equal bytes."""
    from emoforge.base.outputs import written_aside

    with written_aside(path) as aside:
        pq.write_table(table.combine_chunks(), aside, compression="zstd", row_group_size=65536)


def read(path: str | os.PathLike, *, schema: pa.Schema = SCHEMA) -> pa.Table:
    """Read a manifest and check that it is one.

    Raises:
        ManifestError: the file is missing or not Parquet, misses a column, has one of another type, or was written
            with a version of the schema that this emoforge does not know.
    """
    return conform(read_table(path), schema=schema, name=str(path))


def read_table(path: str | os.PathLike) -> pa.Table:
    """Read any Parquet table of a run.

    Raises:
        ManifestError: the file is missing or not Parquet.
    """
    return _of_file(path, pq.read_table)


def read_schema(path: str | os.PathLike) -> pa.Schema:
    """Read the columns and the metadata of any Parquet table of a run; raises as :func:`read_table` does."""
    return _of_file(path, pq.read_schema)


def _of_file(path: str | os.PathLike, read: Callable[[str | os.PathLike], Content]) -> Content:
    try:
        return read(path)
    except FileNotFoundError:
        raise ManifestError(f"{path}: not there; run the stage that writes it (`dvc repro`)") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise ManifestError(
            f"{path}: not a Parquet file ({str(error).splitlines()[0]}); run its stage again"
        ) from error


def conform(table: pa.Table, *, schema: pa.Schema = SCHEMA, name: str = "manifest") -> pa.Table:
    """Return *table* with the schema's columns in the schema's order.

    Raises:
        ManifestError: as for :func:`read`.
    """
    version = (table.schema.metadata or {}).get(b"emoforge_schema", b"").decode() or min(_ADDED_SINCE)
    if version not in (*_ADDED_SINCE, SCHEMA_VERSION):
        raise ManifestError(
            f"{name}: written with schema {version}, this emoforge reads schemas {', '.join(_ADDED_SINCE)} and "
            f"{SCHEMA_VERSION}; install a newer emoforge"
        )
    for column in _ADDED_SINCE.get(version, ()):
        if column in schema.names and column not in table.schema.names:
            table = table.append_column(schema.field(column), pa.nulls(len(table), schema.field(column).type))
    missing = [column for column in schema.names if column not in table.schema.names]
    if missing:
        raise ManifestError(
            f"{name}: column {', '.join(map(repr, missing))} is missing; a manifest needs all of "
            f"{', '.join(schema.names)}"
        )
    for field in schema:
        found = table.schema.field(field.name).type
        if found != field.type:
            raise ManifestError(f"{name}: column {field.name!r} holds {found}, expected {field.type}")
    table = table.select(schema.names)
    for field in schema:
        if not field.nullable and table.column(field.name).null_count:
            raise ManifestError(f"{name}: column {field.name!r} has empty values, but every clip needs one")
    return pa.Table.from_arrays([column.combine_chunks() for column in table.columns], schema=schema)


class Problem(NamedTuple):
    """What is wrong with a row of a manifest.

    Attributes:
        code: kind of problem.
        clip_id: the row.
        message: what is wrong, in a line.
    """

    code: str
    clip_id: str
    message: str


def validate(table: pa.Table, *, name: str = "manifest") -> pa.Table:
    """Return *table* if every row holds allowed values and no row leaks from one split into another.

    Raises:
        ManifestError: with the first of its :func:`problems`.
    """
    for problem in problems(table):
        raise ManifestError(f"{name}: {problem.message}")
    return table


def problems(table: pa.Table) -> Iterator[Problem]:
    """Yield what is wrong with *table*, in this order.

    - ``value``: a value outside the vocabulary, reported once per value.
    - ``clip-twice``: a clip_id used again, reported once per clip_id.
    - ``speaker-split``: a clip of a speaker in another split than the speaker's first clip.
    - ``source-missing``, ``source-split``, ``source-voice``: a converted clip without its recorded source, in another
      split than it, or in another voice.
    - ``style-missing``, ``style-split``: a converted clip in the style of an unknown clip, or of one outside the
      training split.
    """
    for column, allowed in (("emotion", EMOTIONS), ("gender", GENDERS), ("origin", ORIGINS), ("split", SPLITS)):
        values = table.column(column)
        for value in pc.unique(values).to_pylist():
            if value not in allowed:
                first = table.column("clip_id")[pc.index(values, value).as_py()].as_py()
                yield Problem("value", first, unknown_value(column, value, allowed))
    for entry in pc.value_counts(table.column("clip_id")).to_pylist():
        if entry["counts"] > 1:
            clip_id, count = entry["values"], entry["counts"]
            yield Problem("clip-twice", clip_id, f"clip_id {clip_id!r} stands in {count} rows")
    yield from _split_problems(table)
    yield from _lineage_problems(table)


def _split_problems(table: pa.Table) -> Iterator[Problem]:
    split_of: dict[str, str] = {}
    columns = (table.column(name).to_pylist() for name in ("clip_id", "speaker", "split"))
    for clip_id, speaker, split in zip(*columns, strict=True):
        if split_of.setdefault(speaker, split) != split:
            yield Problem(
                "speaker-split",
                clip_id,
                f"speaker {speaker!r} is in the splits {split_of[speaker]!r} and {split!r}; a speaker belongs to one "
                "split only",
            )


def _lineage_problems(table: pa.Table) -> Iterator[Problem]:
    columns = ["clip_id", "source_clip_id", "style_clip_id", "speaker", "origin", "split"]
    rows = {row["clip_id"]: row for row in table.select(columns).to_pylist()}
    for clip_id, row in rows.items():
        if row["origin"] == "recorded":
            continue
        source = rows.get(row["source_clip_id"])
        if source is None or source["origin"] != "recorded":
            yield Problem("source-missing", clip_id, f"converted clip {clip_id} has no recorded source in the manifest")
            source = row
        if source["split"] != row["split"]:
            yield Problem(
                "source-split",
                clip_id,
                f"converted clip {clip_id} is in split {row['split']!r}, its source in {source['split']!r}; a clip "
                "inherits its source's split",
            )
        if source["speaker"] != row["speaker"]:
            yield Problem(
                "source-voice",
                clip_id,
                f"converted clip {clip_id} is labelled {row['speaker']!r}, its source is {source['speaker']!r}",
            )
        style_id = row["style_clip_id"]
        style = rows.get(style_id)
        leak = f"converted clip {clip_id} leaks: the clip whose style it copies"
        if style_id is not None and style is None:
            yield Problem("style-missing", clip_id, f"{leak} is not in the manifest")
        elif style is not None and style["split"] != "train":
            yield Problem("style-split", clip_id, f"{leak} is a {style['split']} clip")
