"""A whole set in a folder: clips in one format, the card, how it was made, and its Croissant description."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from emoforge.base.outputs import write_json
from emoforge.sharing.card import render_card
from emoforge.sharing.croissant import describe_parquet
from emoforge.sharing.formats.registry import PARQUET, format_named
from emoforge.sharing.formats.shards import Audio, publishable
from emoforge.sharing.permission import permitted
from emoforge.sharing.published import PROVENANCE

TITLE = "Synthetic emotional speech"


def write_set(
    table: pa.Table,
    audio: Audio,
    folder: str | os.PathLike,
    *,
    provenance: Mapping[str, Any],
    to: str = PARQUET,
    shard_bytes: int = 500_000_000,
) -> None:
    """Write the kept clips of *table* with all that belongs to them; nothing is written of a set that is refused.

    ``README.md`` is the card, ``provenance.json`` says how the set was made; Parquet comes with ``croissant.json``.

    Args:
        table: a manifest of conversions.
        audio: returns the FLAC bytes of a clip_id.
        folder: an existing, empty folder.
        provenance: as :func:`emoforge.sharing.provenance.describe` made it.
        to: name of a format (:data:`emoforge.sharing.formats.registry.FORMATS`).
        shard_bytes: size of a shard at most, in formats that have shards.

    Raises:
        EmoforgeError: no clip was kept, a licence forbids sharing, the format is not known or needs a package.
    """
    written_as = format_named(to)
    clips = publishable(table)
    permission = permitted(clips, provenance.get("converter"))
    folder = Path(folder)
    written_as.write(clips, audio, folder, shard_bytes, permission.licence)
    card = render_card(clips, provenance, permission, written_as, title=TITLE)
    (folder / "README.md").write_text(card, "utf-8")
    write_json(folder / PROVENANCE, provenance)
    if to == PARQUET:
        write_json(folder / "croissant.json", describe_parquet(folder, permission, provenance, title=TITLE))
