"""Which clips hold something of a person: their recordings, and what was converted from them or after them."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa

from emoforge.base.errors import EmoforgeError


@dataclass(frozen=True, slots=True)
class Touched:
    """Ids of the clips that hold something of a speaker; each clip is in one set only.

    Attributes:
        recorded: the speaker's recordings.
        voice: conversions in the speaker's voice, which are those of the speaker's recordings.
        style: conversions in other voices that copy the style of one of the speaker's recordings.
    """

    recorded: frozenset[str]
    voice: frozenset[str]
    style: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        return self.recorded | self.voice | self.style


def touched_by(speaker: str, clips: pa.Table, *, recordings: Collection[str] = ()) -> Touched:
    """Return which of *clips* hold something of *speaker*.

    Args:
        speaker: as the manifest names them.
        clips: a manifest, recorded clips and conversions or only one of both.
        recordings: clip_ids of recordings of the speaker that *clips* may not hold.
    """
    rows = clips.select(["clip_id", "source_clip_id", "style_clip_id", "speaker", "origin"]).to_pylist()
    theirs = set(recordings) | {
        row["clip_id"] for row in rows if row["speaker"] == speaker and row["origin"] == "recorded"
    }
    recorded, voice, style = set(), set(), set()
    for row in rows:
        if row["clip_id"] in theirs:
            recorded.add(row["clip_id"])
        elif row["speaker"] == speaker or row["source_clip_id"] in theirs:
            voice.add(row["clip_id"])
        elif row["style_clip_id"] in theirs:
            style.add(row["clip_id"])
    return Touched(frozenset(recorded), frozenset(voice), frozenset(style))


def known_speaker(name: str, speakers: Collection[str]) -> str:
    """Return *name* if it is one of *speakers*, or the one of them that ends with it after the corpus's name.

    Raises:
        EmoforgeError: no speaker is called so, or several are; the line names the nearest.
    """
    if name in speakers:
        return name
    ending = sorted(speaker for speaker in speakers if speaker.endswith(f"-{name}"))
    if len(ending) == 1:
        return ending[0]
    if not speakers:
        raise EmoforgeError(f"unknown speaker {name!r}: there are no clips here yet; run `dvc repro` first")
    # A number is near to many names; those that end with it come first.
    near = ending or difflib.get_close_matches(name, sorted(speakers), n=5, cutoff=0.5) or sorted(speakers)[:5]
    raise EmoforgeError(f"unknown speaker {name!r}; of {len(speakers)} speakers, the nearest are: {', '.join(near)}")
