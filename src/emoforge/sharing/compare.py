"""What changed between two versions of a set: clips in and out, scores moved, reasons."""

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

#: A score that changed by more than this has moved.
MOVED = 0.01

#: The scores of a manifest, in its order.
SCORES = (
    "emotion_confidence",
    "emotion_confidence_functionals",
    "naturalness",
    "speaker_similarity",
    "content_error",
    "clipping_share",
    "silence_share",
    "duration_ratio",
    "f0_median_hz",
    "f0_range_st",
)


@dataclass(frozen=True)
class _Version:
    """The rows of a manifest by clip_id, and which of them are what."""

    rows: Mapping[str, Mapping[str, Any]]
    recorded: Set[str]
    converted: Set[str]
    kept: Set[str]

    @classmethod
    def of(cls, table: pa.Table) -> "_Version":
        # A version from before a column was invented has no values in it.
        rows = {row["clip_id"]: row for row in table.to_pylist()}
        recorded = {clip_id for clip_id, row in rows.items() if row["origin"] == "recorded"}
        converted = rows.keys() - recorded
        return cls(rows, recorded, converted, {clip_id for clip_id in converted if rows[clip_id].get("keep")})


def compare(before: pa.Table, after: pa.Table) -> dict:
    """Return what changed from the manifest *before* to the manifest *after*, as plain data for tables and JSON.

    A clip_id is made from content and lineage, so what another converter made is another clip. Where it has the same
    source, emotion and seed as an earlier clip, it counts as that clip made again, and their scores are compared.

    Args:
        before: a manifest of select, with at least ``clip_id`` and ``origin``; columns it lacks count as empty.
        after: another.

    Returns:
        ``recorded``, ``converted`` and ``kept`` (conversions): clips ``before``, ``in``, ``out`` and ``after``;
        ``made_anew``: conversions that another converter made again;
        ``emotions``: emotion → the same four counts of kept conversions;
        ``why_in``, ``why_out``: reason → conversions that are newly kept, or no longer kept;
        ``reasons``: reject_reason → conversions ``before`` and ``after``;
        ``scores``: score → ``clips`` that have it in both, ``mean_change``, and ``moved``: changed by more than .01;
        ``clips``: ids of the kept conversions that came ``in`` and went ``out``.
    """
    old, new = _Version.of(before), _Version.of(after)
    anew = _made_anew(old, new)
    came, went = new.kept - old.kept, old.kept - new.kept
    former = {now: then for then, now in anew.items()}
    return {
        "recorded": _counts(old.recorded, new.recorded),
        "converted": _counts(old.converted, new.converted),
        "kept": _counts(old.kept, new.kept),
        "made_anew": len(anew),
        "emotions": _by_emotion(old, new),
        "why_in": _tally(_why(old, former.get(clip_id, clip_id), "new conversion") for clip_id in came),
        "why_out": _tally(_why(new, anew.get(clip_id, clip_id), "no longer converted") for clip_id in went),
        "reasons": _reasons(old, new),
        "scores": _scores(old, new, {clip_id: clip_id for clip_id in old.converted & new.converted} | anew),
        "clips": {"in": sorted(came), "out": sorted(went)},
    }


def _counts(before: Set[str], after: Set[str]) -> dict[str, int]:
    return {"before": len(before), "in": len(after - before), "out": len(before - after), "after": len(after)}


def _tally(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _made_anew(old: _Version, new: _Version) -> dict[str, str]:
    """Return clip_id before → clip_id after of the conversions that were made again."""

    def lineage(version: _Version, clip_id: str) -> tuple:
        row = version.rows[clip_id]
        return tuple(row.get(name) for name in ("source_clip_id", "emotion", "seed"))

    again = {lineage(new, clip_id): clip_id for clip_id in sorted(new.converted - old.converted)}
    gone = {clip_id: lineage(old, clip_id) for clip_id in sorted(old.converted - new.converted)}
    return {clip_id: again[key] for clip_id, key in gone.items() if key in again}


def _by_emotion(old: _Version, new: _Version) -> dict[str, dict[str, int]]:
    def kept(version: _Version, emotion: str) -> set[str]:
        return {clip_id for clip_id in version.kept if version.rows[clip_id]["emotion"] == emotion}

    emotions = sorted({version.rows[clip_id]["emotion"] for version in (old, new) for clip_id in version.kept})
    return {emotion: _counts(kept(old, emotion), kept(new, emotion)) for emotion in emotions}


def _why(other: _Version, clip_id: str, absent: str) -> str:
    """Return why the kept clip is not a kept one of the *other* version."""
    row = other.rows.get(clip_id)
    if row is None:
        return absent
    return "made anew" if row.get("keep") else row.get("reject_reason") or "not kept"


def _reasons(old: _Version, new: _Version) -> dict[str, dict[str, int]]:
    before, after = (
        Counter(
            version.rows[clip_id].get("reject_reason") or "not kept" for clip_id in version.converted - version.kept
        )
        for version in (old, new)
    )
    return {reason: {"before": before[reason], "after": after[reason]} for reason in sorted(before | after)}


def _scores(old: _Version, new: _Version, pairs: Mapping[str, str]) -> dict[str, dict[str, float | int]]:
    changes = {}
    for score in SCORES:
        values = [
            (then, now)
            for first, second in pairs.items()
            if (then := old.rows[first].get(score)) is not None and (now := new.rows[second].get(score)) is not None
        ]
        change = np.array([now - then for then, now in values])
        # A score may be NaN in both, such as the F0 of a whisper.
        change = change[np.isfinite(change)]
        if len(change):
            moved = int(np.sum(np.abs(change) > MOVED))
            changes[score] = {"clips": len(change), "mean_change": float(change.mean()), "moved": moved}
    return changes
