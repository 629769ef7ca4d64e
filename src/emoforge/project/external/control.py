"""The control of an external converter: which neutral clips are converted to neutral."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from emoforge.dataset.manifest import seed_from


def control_sources(sources: Sequence[Mapping], n_clips: int, *, seed: int) -> list[Mapping]:
    """Return *n_clips* of *sources*, or all where there are fewer, drawn from all speakers in turn.

    Args:
        sources: manifest rows, with ``clip_id`` and ``speaker``.
        n_clips: how many to draw.
        seed: of the draw.
    """
    by_speaker: dict[str, list[Mapping]] = {}
    for row in sorted(sources, key=lambda row: seed_from(seed, "control", row["clip_id"])):
        by_speaker.setdefault(row["speaker"], []).append(row)
    in_turn = zip_longest(*(by_speaker[speaker] for speaker in sorted(by_speaker)))
    return [row for turn in in_turn for row in turn if row is not None][:n_clips]
