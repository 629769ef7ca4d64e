"""The Croissant description of a published set, in JSON-LD (MLCommons Croissant Format Specification 1.0).

Written as plain data: what reads it is not needed to make it.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from emoforge import __version__
from emoforge.dataset import manifest
from emoforge.sharing.card import citations, consent
from emoforge.sharing.permission import Permission

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

#: The one record set: one record per clip.
RECORDS = "clips"
_SHARDS = "shards"

_LICENCE_URLS = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "ODbL-1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
    "MIT": "https://opensource.org/license/mit",
    "Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
}


def describe_parquet(
    folder: str | os.PathLike, permission: Permission, provenance: Mapping[str, Any], *, title: str
) -> dict:
    """Return the description of the Parquet set in *folder*: its shards with checksums, and its fields.

    Args:
        folder: of the set, its shards below ``data``.
        permission: under what it is shared.
        provenance: as :func:`emoforge.sharing.provenance.describe` made it.
        title: of the set.
    """
    folder = Path(folder)
    shards = sorted((folder / "data").glob("*.parquet"))
    files = [_file_object(shard, folder) for shard in shards]
    cited = sorted({*permission.corpora, *provenance.get("corpora", {})})
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "emoforge",
        "alternateName": title,
        "description": (
            "Emotional speech that a machine converted from neutral recordings, with scores of every clip. "
            "No clip is a recording of a felt or acted emotion."
        ),
        "license": _licence_url(permission.licence),
        "version": f"{__version__}+{_content_sha256(files)[:12]}",
        "citeAs": "; ".join(citations(cited, provenance)),
        "isLiveDataset": False,
        "rai:dataCollection": "Converted by a machine; see provenance.json and README.md.",
        "rai:dataLimitations": (
            "Labels are what the conversion aimed at, unconfirmed by listeners; scores are machine-generated. "
            "Not for testing recognisers, and not for claims about how people express emotion."
        ),
        "rai:personalSensitiveInformation": consent(permission),
        "distribution": [
            *files,
            {
                "@type": "cr:FileSet",
                "@id": _SHARDS,
                "name": _SHARDS,
                "encodingFormat": "application/x-parquet",
                "includes": "data/*.parquet",
            },
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": RECORDS,
                "name": RECORDS,
                "description": "one record per clip",
                "key": {"@id": f"{RECORDS}/clip_id"},
                "field": list(_fields(pq.read_schema(shards[0]))),
            }
        ],
    }


def _file_object(shard: Path, folder: Path) -> dict:
    name = shard.relative_to(folder).as_posix()
    with shard.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{shard.stat().st_size} B",
        "encodingFormat": "application/x-parquet",
        "sha256": checksum,
    }


def _content_sha256(files: Iterable[dict]) -> str:
    return hashlib.sha256("".join(file["sha256"] for file in files).encode()).hexdigest()


def _fields(schema: pa.Schema) -> Iterable[dict]:
    for column in schema:
        described = _field(column.name, _description(column.name))
        if column.name == "audio":
            yield described | {"dataType": "sc:AudioObject", "source": _source("audio", "bytes")}
        elif pa.types.is_struct(column.type):
            children = [
                _field(f"{column.name}/{child.name}", child.name)
                | {"dataType": _data_type(child.type), "source": _source(column.name, child.name)}
                for child in column.type
            ]
            yield described | {"subField": children}
        else:
            yield described | {"dataType": _data_type(column.type), "source": _source(column.name)}


def _field(name: str, description: str) -> dict:
    return {"@type": "cr:Field", "@id": f"{RECORDS}/{name}", "name": name, "description": description}


def _source(column: str, key: str = "") -> dict:
    source: dict = {"fileSet": {"@id": _SHARDS}, "extract": {"column": column}}
    return source | {"transform": {"jsonPath": key}} if key else source


def _description(name: str) -> str:
    if name == "audio":
        return "a FLAC file, 16 bit, mono"
    metadata = manifest.SCHEMA.field(name).metadata
    unit = metadata.get(b"unit", b"").decode()
    return metadata[b"description"].decode() + (f" ({unit})" if unit else "")


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(kind) else "sc:Text"


def _licence_url(licence: str) -> str:
    """Return the address of a standard licence's text; terms of use that have none stay words."""
    if licence in _LICENCE_URLS:
        return _LICENCE_URLS[licence]
    if licence.startswith("CC-BY"):
        terms, version = licence.removeprefix("CC-").lower().rsplit("-", 1)
        return f"https://creativecommons.org/licenses/{terms}/{version}/"
    return licence
