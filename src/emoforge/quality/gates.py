"""Which converted clips to keep: thresholds, balance over emotions and the ratio to the real clips.

Everything here is a pure function of columns. The order of rows never matters: ties are broken by clip_id.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from emoforge.base.errors import EmoforgeError, unknown_value

BALANCES = ("none", "equal")
PREFERENCES = ("confidence", "naturalness", "random")

NO_SCORE = "no score"
OVER_RATIO = "over ratio"
CLASS_BALANCE = "class balance"


@dataclass(frozen=True)
class Thresholds:
    """Limits that a clip must meet; None turns one off. A clip exactly on a limit is kept.

    Attributes:
        min_confidence: the judge's probability of the target emotion, 0 to 1.
        max_confidence: likewise; below 1 it leaves out the clips that teach a recogniser nothing new, those it already
            recognises with certainty.
        min_naturalness: DNSMOS overall, about 1 to 5.
        min_speaker_similarity: cosine, −1 to 1.
        max_content_error: 0 to 1.
        max_clipping_share: share of samples.
        max_silence_share: share of frames.
        min_duration_ratio, max_duration_ratio: converted over source.
        max_f0_range_st: 5th to 95th percentile of F0, in semitones.
    """

    min_confidence: float | None = None
    max_confidence: float | None = 1.0
    min_naturalness: float | None = None
    min_speaker_similarity: float | None = None
    max_content_error: float | None = None
    max_clipping_share: float | None = None
    max_silence_share: float | None = None
    min_duration_ratio: float | None = None
    max_duration_ratio: float | None = None
    max_f0_range_st: float | None = None


# Thresholds' fields, in the order in which a clip meets them: a clip's reason is the first limit that it breaks.
# Each is a column of the scores, with its limits "min_<name>" and "max_<name>" where there are such.
_COLUMNS = (
    "clipping_share",
    "silence_share",
    "duration_ratio",
    "f0_range_st",
    "naturalness",
    "content_error",
    "speaker_similarity",
    "confidence",
)


def select(
    scores: Mapping[str, np.ndarray],
    thresholds: Thresholds,
    *,
    emotion: np.ndarray,
    clip_id: np.ndarray,
    ratio: float | None = None,
    n_real: int = 0,
    balance: str = "none",
    prefer: str = "confidence",
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Decide which clips to keep.

    First every clip meets the thresholds. With ``balance="equal"`` every emotion that has clips left keeps as many as
    the one with the fewest. With a ratio, at most ``floor(ratio * n_real)`` clips are kept, drawn from the emotions in
    turn, so that no emotion is crowded out; with ``balance="equal"`` each still keeps exactly as many as the
    others. Within an emotion, *prefer* says which clips go first.

    Args:
        scores: columns of shape (n,), named like the limits (``confidence``, ``naturalness``, ...); only those that an
            active limit or *prefer* needs must be there.
        thresholds: the limits.
        emotion: (n,) target emotion of every clip.
        clip_id: (n,) unique names, which settle ties and seed the random order.
        ratio: converted clips for each real one of training; None for no limit.
        n_real: how many real clips training has; needed with *ratio*.
        balance: "none" or "equal".
        prefer: "confidence" or "naturalness" for highest first, "random" for an order drawn from *seed*.
        seed: of the random order.

    Returns:
        keep, (n,) bool, and reject_reason, (n,) object array of str, empty for a clip that is kept: the first limit it
        breaks, such as ``"confidence < 0.5"``, or ``"no score"`` where the score of that limit, or the one that
        *prefer* ranks by, is NaN; then ``"class balance"`` or ``"over ratio"``.

    Raises:
        EmoforgeError: a column that is needed is missing, columns differ in length, clip_ids repeat, or an option is
            out of range.
    """
    emotion = np.asarray(emotion, dtype=object)
    clip_id = np.asarray(clip_id, dtype=object)
    _check(scores, emotion, clip_id, ratio=ratio, n_real=n_real, balance=balance, prefer=prefer)
    reason = threshold_reasons(scores, thresholds, n_clips=len(clip_id))
    if prefer != "random":
        unscored = np.isnan(np.asarray(scores[prefer], dtype=np.float64))
        reason[(reason == "") & unscored] = NO_SCORE
    ranked = _ranked(scores, reason, emotion, clip_id, prefer=prefer, seed=seed)
    if balance == "equal" and ranked:
        fewest = min(len(rows) for rows in ranked.values())
        ranked = {name: _cut(rows, fewest, reason, CLASS_BALANCE) for name, rows in ranked.items()}
    if ratio is not None:
        # 1e-9 keeps 0.1 * 30 at three clips.
        room = int(np.floor(ratio * n_real + 1e-9))
        quotas = _quotas({name: len(rows) for name, rows in ranked.items()}, room, equal=balance == "equal")
        for name, rows in ranked.items():
            _cut(rows, quotas[name], reason, OVER_RATIO)
    return reason == "", reason


def threshold_reasons(scores: Mapping[str, np.ndarray], thresholds: Thresholds, *, n_clips: int) -> np.ndarray:
    """Return for every clip the first limit that it breaks, ``"no score"`` or ``""``: (n_clips,) object array of str.

    Raises:
        EmoforgeError: an active limit's column is missing.
    """
    reason = np.full(n_clips, "", dtype=object)
    for name in _COLUMNS:
        low = getattr(thresholds, f"min_{name}", None)
        high = getattr(thresholds, f"max_{name}", None)
        if name == "confidence" and high is not None and high >= 1.0:
            # No probability is above 1, so such a limit asks for nothing, not even for a judge.
            high = None
        if low is None and high is None:
            continue
        values = _column(scores, name)
        breaks = [(np.isnan(values), NO_SCORE)]
        if low is not None:
            breaks.append((values < low, f"{name} < {low:g}"))
        if high is not None:
            breaks.append((values > high, f"{name} > {high:g}"))
        for broken, text in breaks:
            reason[broken & (reason == "")] = text
    return reason


def yields(emotion: np.ndarray, keep: np.ndarray, reject_reason: np.ndarray) -> dict[str, dict]:
    """Count what went in, what came out and why the rest did not, for every emotion and in all.

    Returns:
        {"all" or emotion: {"in": int, "out": int, "reasons": {reason: int}}}; emotions and reasons sorted by name, so
        that the same counts are the same JSON.
    """
    emotion = np.asarray(emotion, dtype=object)
    keep = np.asarray(keep, dtype=bool)
    reject_reason = np.asarray(reject_reason, dtype=object)

    def count(rows: np.ndarray) -> dict:
        names, counts = np.unique(reject_reason[rows & ~keep].astype(str), return_counts=True)
        reasons = {str(name): int(n) for name, n in zip(names, counts, strict=True)}
        return {"in": int(rows.sum()), "out": int((rows & keep).sum()), "reasons": reasons}

    counts = {"all": count(np.ones(len(emotion), dtype=bool))}
    for name in sorted(set(emotion)):
        counts[str(name)] = count(emotion == name)
    return counts


def _check(
    scores: Mapping[str, np.ndarray],
    emotion: np.ndarray,
    clip_id: np.ndarray,
    *,
    ratio: float | None,
    n_real: int,
    balance: str,
    prefer: str,
) -> None:
    if balance not in BALANCES:
        raise EmoforgeError(unknown_value("balance", balance, BALANCES))
    if prefer not in PREFERENCES:
        raise EmoforgeError(unknown_value("preference", prefer, PREFERENCES))
    if ratio is not None and not (np.isfinite(ratio) and ratio >= 0):
        raise EmoforgeError(f"ratio is {ratio}; it must be 0 or more, or null for no limit")
    if ratio is not None and n_real < 0:
        raise EmoforgeError(f"n_real is {n_real}; it counts the real training clips and cannot be negative")
    if len(set(clip_id)) != len(clip_id):
        raise EmoforgeError("clip_id repeats; every converted clip needs its own, or ties depend on the order of rows")
    lengths = {"emotion": len(emotion), **{name: len(values) for name, values in scores.items()}}
    for name, length in lengths.items():
        if length != len(clip_id):
            raise EmoforgeError(
                f"column {name} has {length} rows but there are {len(clip_id)} clip_ids; pass whole columns"
            )
    if prefer != "random":
        _column(scores, prefer)


def _column(scores: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    if name not in scores:
        raise EmoforgeError(f"no column {name!r} to select by; there are: {', '.join(sorted(scores))}; score it first")
    return np.asarray(scores[name], dtype=np.float64)


def _ranked(
    scores: Mapping[str, np.ndarray],
    reason: np.ndarray,
    emotion: np.ndarray,
    clip_id: np.ndarray,
    *,
    prefer: str,
    seed: int,
) -> dict[str, np.ndarray]:
    """Rows that passed, by emotion (sorted by name), the most wanted first."""
    by_id = np.argsort(clip_id.astype(str), kind="stable")
    if prefer == "random":
        wanted = np.empty(len(clip_id))
        # One draw for each clip in the order of clip_id, rejected ones included: a clip's draw does not depend on the
        # thresholds, and a looser threshold does not reshuffle what was kept before.
        wanted[by_id] = np.random.default_rng(seed).random(len(clip_id))
    else:
        wanted = _column(scores, prefer)
    order = by_id[np.argsort(-wanted[by_id], kind="stable")]
    order = order[reason[order] == ""]
    return {name: order[emotion[order] == name] for name in sorted(set(emotion[order]))}


def _cut(rows: np.ndarray, n_kept: int, reason: np.ndarray, text: str) -> np.ndarray:
    """Reject all but the first *n_kept* rows, and return those."""
    reason[rows[n_kept:]] = text
    return rows[:n_kept]


def _quotas(available: dict[str, int], room: int, *, equal: bool) -> dict[str, int]:
    """Share *room* clips among emotions as evenly as what they have allows."""
    if equal:
        return {name: min(n, room // len(available)) for name, n in available.items()}
    quotas: dict[str, int] = {}
    # The emotions with the fewest clips first: what they leave over goes to the rest. Ties and odd clips by name.
    names = sorted(available, key=lambda name: (available[name], name))
    for position, name in enumerate(names):
        share = room // (len(names) - position)
        quotas[name] = min(available[name], share)
        room -= quotas[name]
    return quotas
