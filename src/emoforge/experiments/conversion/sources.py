"""Which clips are converted, into what, and which real ones are measured beside them, drawn by seed and clip id."""

from collections.abc import Sequence

from emoforge.dataset import manifest
from emoforge.dataset.labels import NEUTRAL


def takes_of(rows: Sequence[dict]) -> dict[tuple, list[str]]:
    """Return (speaker, sentence, emotion) → ids of the recordings; sentences that are not named have none."""
    takes: dict[tuple, list[str]] = {}
    for row in rows:
        if row["sentence"] is not None:
            takes.setdefault((row["speaker"], row["sentence"], row["emotion"]), []).append(row["clip_id"])
    return takes


def choose_sources(rows: Sequence[dict], *, n_clips: int, seed: int) -> list[dict]:
    """Return at most *n_clips* neutral clips of every speaker, each sentence once before any is repeated.

    Clips that enrol a speaker are left out. The draw depends on *seed* and the clips' ids only.
    """
    neutral = [row for row in rows if row["emotion"] == NEUTRAL and not row["enrolment"]]
    neutral.sort(key=lambda row: manifest.seed_from(seed, "source", row["clip_id"]))
    takes: dict[tuple, int] = {}
    ranked: dict[str, list[tuple[int, int]]] = {}
    for index, row in enumerate(neutral):
        sentence = (row["speaker"], row["sentence"] or row["clip_id"])
        takes[sentence] = takes.get(sentence, -1) + 1
        ranked.setdefault(row["speaker"], []).append((takes[sentence], index))
    return [neutral[index] for speaker in sorted(ranked) for _, index in sorted(ranked[speaker])[:n_clips]]


def choose_real(rows: Sequence[dict], sources: Sequence[dict], *, n_clips: int, seed: int) -> list[dict]:
    """Return at most *n_clips* emotional clips per speaker and emotion, first those with the sources' words."""
    said = {(source["speaker"], source["sentence"]) for source in sources}
    speakers = {source["speaker"] for source in sources}
    emotional = [row for row in rows if row["emotion"] != NEUTRAL and row["speaker"] in speakers]
    emotional.sort(
        key=lambda row: (
            (row["speaker"], row["sentence"]) not in said,
            manifest.seed_from(seed, "real", row["clip_id"]),
        )
    )
    chosen: dict[tuple[str, str], list[dict]] = {}
    for row in emotional:
        of_kind = chosen.setdefault((row["speaker"], row["emotion"]), [])
        if len(of_kind) < n_clips:
            of_kind.append(row)
    return [row for key in sorted(chosen) for row in chosen[key]]


def choose_neutral(rows: Sequence[dict], sources: Sequence[dict], *, n_clips: int, seed: int) -> list[dict]:
    """Return at most *n_clips* neutral clips per speaker, the sources first; clips that enrol are left out."""
    own = {source["clip_id"] for source in sources}
    speakers = {source["speaker"] for source in sources}
    neutral = [row for row in rows if row["emotion"] == NEUTRAL and row["speaker"] in speakers and not row["enrolment"]]
    neutral.sort(key=lambda row: (row["clip_id"] not in own, manifest.seed_from(seed, "neutral", row["clip_id"])))
    chosen: dict[str, list[dict]] = {}
    for row in neutral:
        of_speaker = chosen.setdefault(row["speaker"], [])
        if len(of_speaker) < n_clips:
            of_speaker.append(row)
    return [row for speaker in sorted(chosen) for row in chosen[speaker]]


def plan_conversions(sources: Sequence[dict], emotions: Sequence[str], *, variants: int, seed: int) -> list[dict]:
    """Return one row per conversion, in an order that keeps those of one source together."""
    rows = []
    for source in sources:
        for emotion in emotions:
            for variant in range(variants):
                draw = manifest.seed_from(seed, source["clip_id"], emotion, variant)
                rows.append(
                    {
                        "clip_id": manifest.make_clip_id("evaluated", source["clip_id"], emotion, draw),
                        "source_clip_id": source["clip_id"],
                        "speaker": source["speaker"],
                        "sentence": source["sentence"],
                        "emotion": emotion,
                        "variant": variant,
                        "intensity": 1.0,
                        "seed": draw,
                    }
                )
    return rows


def plan_takes(planned: Sequence[dict], rows: Sequence[dict], *, seed: int) -> list[dict]:
    """Return the *planned* conversions for which the speaker has a real take, with its id as ``take_clip_id``.

    A take says the words of the source with the target emotion. Variants take different ones in turn; where neutral is
    the target, one other than the source and than those that enrol, or the source itself where there is none.

    Args:
        planned: rows of :func:`plan_conversions`.
        rows: of the manifest.
        seed: of the order of takes.
    """
    enrolling = {row["clip_id"] for row in rows if row["enrolment"]}
    takes = takes_of(rows)
    found = []
    for row in planned:
        source = row["source_clip_id"]
        own = [
            clip_id
            for clip_id in takes.get((row["speaker"], row["sentence"], row["emotion"]), [])
            if clip_id != source and clip_id not in enrolling
        ]
        if row["emotion"] == NEUTRAL:
            own = own or [source]
        own.sort(key=lambda clip_id: manifest.seed_from(seed, "take", clip_id))
        if own:
            found.append(row | {"take_clip_id": own[row["variant"] % len(own)]})
    return found
