"""Speaker-disjoint folds and splits, and the clips that enrol a speaker: decided once, before anything is learnt."""

import hashlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from emoforge.base.errors import EmoforgeError
from emoforge.dataset.labels import NEUTRAL


def speaker_folds(
    speakers: np.ndarray | Sequence[str],
    *,
    n_folds: int,
    published: Sequence[Sequence[str]] | None = None,
    genders: Mapping[str, str] | None = None,
    together: Collection[Collection[str]] = (),
    seed: int,
) -> dict[str, int]:
    """Put every speaker into one fold.

    The *published* folds of a corpus are kept as they are. Without them speakers are dealt out largest first, each to
    the fold that holds the fewest speakers of their gender, then the fewest clips; ties are broken by *seed*.

    Args:
        speakers: (n_clips,) names, one per clip.
        n_folds: 2 or more; with *published*, the number of them.
        published: the speakers of each fold, as the corpus or a benchmark publishes them.
        genders: speaker → gender; unknown without.
        together: groups of speakers, no two with a member in common, that share recordings: a group is put into one
            fold as if it were one speaker.
        seed: orders speakers with equally many clips.

    Returns:
        speaker → fold (from 0), in the order of names.

    Raises:
        EmoforgeError: fewer speakers than folds, or published folds that don't hold every speaker exactly once.
    """
    first_of = _first_of(together)
    everyone = np.unique(np.asarray(speakers)).tolist()
    if published is not None:
        fold_of = _published_folds(everyone, published, n_folds)
    else:
        grouped = [first_of.get(str(name), str(name)) for name in speakers]
        fold_of = _dealt_out(grouped, n_folds, genders or {}, seed, _counted_once(together))
    return {name: fold_of[first_of.get(name, name)] for name in everyone}


def _first_of(together: Collection[Collection[str]]) -> dict[str, str]:
    """Return member → the member that stands for the whole group, which is its first by name."""
    return {name: min(group) for group in together for name in group}


def _counted_once(together: Collection[Collection[str]]) -> str:
    """Return what to add to an error line about too few speakers."""
    if not together:
        return ""
    groups = "; ".join(", ".join(sorted(group)) for group in together)
    return f" (speakers who share recordings count as one: {groups})"


def _dealt_out(
    speakers: Sequence[str], n_folds: int, genders: Mapping[str, str], seed: int, explanation: str
) -> dict[str, int]:
    names, n_clips = np.unique(np.asarray(speakers), return_counts=True)
    if n_folds < 2 or len(names) < n_folds:
        raise EmoforgeError(
            f"{len(names)} speakers cannot be put into {n_folds} folds{explanation}: "
            f"choose a number of folds from 2 to the number of speakers"
        )
    tie_break = np.random.default_rng(seed).permutation(len(names))
    fold_of: dict[str, int] = {}
    n_of_gender: dict[tuple[int, str], int] = {}
    fold_clips = [0] * n_folds
    fold_speakers = [0] * n_folds
    # Dealing out one gender after the other spreads each evenly; speakers with the most clips come first.
    order = sorted(range(len(names)), key=lambda i: (genders.get(str(names[i]), ""), -n_clips[i], tie_break[i]))
    for i in order:
        name = str(names[i])
        gender = genders.get(name, "")
        fold = min(
            range(n_folds),
            key=lambda k: (n_of_gender.get((k, gender), 0), fold_speakers[k], fold_clips[k], k),
        )
        fold_of[name] = fold
        n_of_gender[fold, gender] = n_of_gender.get((fold, gender), 0) + 1
        fold_clips[fold] += int(n_clips[i])
        fold_speakers[fold] += 1
    return fold_of


def _published_folds(names: list[str], published: Sequence[Sequence[str]], n_folds: int) -> dict[str, int]:
    if len(published) != n_folds:
        raise EmoforgeError(f"this corpus publishes {len(published)} folds, not {n_folds}: set the number to that")
    fold_of: dict[str, int] = {}
    for fold, members in enumerate(published):
        for name in members:
            if name in fold_of:
                raise EmoforgeError(f"the published folds hold speaker {name!r} twice: folds must not share speakers")
            fold_of[name] = fold
    missing = sorted(set(names) - set(fold_of))
    if missing:
        raise EmoforgeError(
            f"the published folds miss {len(missing)} speakers, {missing[0]!r} first: import the whole corpus or "
            "leave the published folds out"
        )
    return {name: fold_of[name] for name in sorted(names)}


def assign_splits(
    speakers: np.ndarray | Sequence[str],
    fold_of: Mapping[str, int],
    *,
    fold: int,
    n_val_speakers: int,
    genders: Mapping[str, str] | None = None,
    together: Collection[Collection[str]] = (),
    seed: int,
) -> dict[str, str]:
    """Split speakers for one fold: its speakers test, *n_val_speakers* of the others validate, the rest train.

    Args:
        speakers: (n_clips,) names.
        fold_of: speaker → fold, from :func:`speaker_folds`.
        fold: the one that tests.
        n_val_speakers: 1 or more; drawn from *seed*, as many of each gender as possible.
        genders: speaker → gender; unknown without.
        together: groups of speakers that share recordings, each in one fold: a group counts as one speaker.
        seed: of the draw.

    Returns:
        speaker → "train", "val" or "test", in the order of names.

    Raises:
        EmoforgeError: fewer than three speakers, an empty fold, or nobody left to train on.
    """
    first_of = _first_of(together)
    everyone = np.unique(np.asarray(speakers)).tolist()
    names = sorted({first_of.get(name, name) for name in everyone})
    if len(names) < 3:
        raise EmoforgeError(
            f"{len(names)} speakers cannot be split into train, val and test{_counted_once(together)}: at least 3 are "
            "needed, so that no speaker is in two splits"
        )
    test = [name for name in names if fold_of[name] == fold]
    others = [name for name in names if fold_of[name] != fold]
    if not test:
        raise EmoforgeError(
            f"fold {fold} has no speaker; allowed: {', '.join(map(str, sorted(set(fold_of.values()))))}"
        )
    if not 1 <= n_val_speakers < len(others):
        raise EmoforgeError(
            f"{n_val_speakers} validation speakers of the {len(others)} outside fold {fold} leave nobody to train or "
            f"validate on: choose from 1 to {len(others) - 1}"
        )
    val = set(drawn_by_gender(others, n_val_speakers, genders or {}, seed + fold))
    split_of = {name: "test" if name in test else "val" if name in val else "train" for name in names}
    return {name: split_of[first_of.get(name, name)] for name in everyone}


def drawn_by_gender(names: list[str], n: int, genders: Mapping[str, str], seed: int) -> list[str]:
    """Draw *n* of *names* by *seed*, in turn from each gender's shuffled list (`genders`: name → gender)."""
    shuffled = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    queues: dict[str, list[str]] = {}
    for name in shuffled:
        queues.setdefault(genders.get(name, ""), []).append(name)
    drawn: list[str] = []
    while len(drawn) < n:
        for queue in queues.values():
            if queue and len(drawn) < n:
                drawn.append(queue.pop())
    return drawn


def enrolment_clips(
    clip_ids: np.ndarray | Sequence[str],
    speakers: np.ndarray | Sequence[str],
    emotions: np.ndarray | Sequence[str],
    *,
    n_clips: int,
    seed: int,
    neutral: str = NEUTRAL,
) -> np.ndarray:
    """Choose the neutral clips that calibrate each speaker and are never scored.

    The draw depends on *seed* and the clips' ids only, never on the order of the rows or on other speakers. A speaker
    with *n_clips* neutral clips or fewer keeps one of them to be scored and enrols with the rest; a speaker with a
    single neutral clip has no enrolment clip at all, and calibration falls back on the mean speaker.

    Args:
        clip_ids: (n_clips,) names, unique.
        speakers: (n_clips,) names.
        emotions: (n_clips,) names.
        n_clips: enrolment clips per speaker, 0 or more.
        seed: any integer.
        neutral: the emotion that counts as neutral.

    Returns:
        (n_clips,) bool, true for enrolment clips.

    Raises:
        EmoforgeError: *n_clips* is negative or a clip id occurs twice.
    """
    clip_ids, speakers, emotions = np.asarray(clip_ids), np.asarray(speakers), np.asarray(emotions)
    if n_clips < 0:
        raise EmoforgeError(f"the number of enrolment clips must be 0 or more, not {n_clips}")
    if len(np.unique(clip_ids)) != len(clip_ids):
        raise EmoforgeError("clip ids must be unique to draw enrolment clips: validate the manifest first")
    chosen = np.zeros(len(clip_ids), dtype=bool)
    for speaker in np.unique(speakers):
        candidates = np.flatnonzero((speakers == speaker) & (emotions == neutral))
        drawn = sorted(candidates, key=lambda row: _draw(seed, str(clip_ids[row])))
        chosen[drawn[: max(0, min(n_clips, len(drawn) - 1))]] = True
    return chosen


def _draw(seed: int, clip_id: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{clip_id}".encode()).digest()
