"""Who is converted, who teaches the converter and who teaches the judges: nobody has two of these roles at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from emoforge import corpora
from emoforge.base.errors import EmoforgeError, unknown_value
from emoforge.dataset.splits import speaker_folds
from emoforge.experiments.conversion.protocol import EvaluatedCorpus


@dataclass(frozen=True)
class Rotation:
    """Who does what in one rotation: three sets of speakers that share nobody.

    Attributes:
        sources: whose neutral clips are converted.
        converter: whom the converter learns from.
        judges: whom the judges learn from.
    """

    sources: tuple[str, ...]
    converter: tuple[str, ...]
    judges: tuple[str, ...]


def rotation(groups: Sequence[Sequence[str]], index: int) -> Rotation:
    """Return the roles of the groups of speakers in rotation *index*.

    Group *index* is converted. Of the others, in rotating order from the next one on, the first half (rounded up)
    trains the converter and the rest trains the judges.

    Raises:
        EmoforgeError: there is no such group, or fewer than three.
    """
    if len(groups) < 3:
        raise EmoforgeError(f"{len(groups)} groups of speakers cannot be source, converter and judge: make at least 3")
    if not 0 <= index < len(groups):
        raise EmoforgeError(f"there is no rotation {index}; allowed: 0 to {len(groups) - 1}")
    others = [groups[(index + step) % len(groups)] for step in range(1, len(groups))]
    half = (len(others) + 1) // 2
    return Rotation(
        tuple(sorted(groups[index])),
        tuple(sorted(name for group in others[:half] for name in group)),
        tuple(sorted(name for group in others[half:] for name in group)),
    )


def rotations(
    corpus: EvaluatedCorpus, genders: dict[str, str], speakers: list[str], *, seed: int
) -> dict[int, Rotation]:
    """Return the rotations of the corpus that are reported, by number.

    Args:
        corpus: of the protocol.
        genders: speaker → gender.
        speakers: (n_clips,) names as in the manifest.
        seed: deals speakers of equally many clips out to groups.

    Raises:
        EmoforgeError: a speaker is unknown, the published folds don't hold every speaker, or there are too few.
    """
    if corpus.rotations:
        known = set(speakers)
        prefix = f"{corpora.info(corpus.name).name}-"
        found = []
        for roles in corpus.rotations:
            parts = []
            for part in (roles.sources, roles.converter, roles.judges):
                for name in part:
                    if prefix + name not in known:
                        named = sorted(speaker.removeprefix(prefix) for speaker in known)
                        raise EmoforgeError(f"{corpus.name}: {unknown_value('speaker', name, named)}")
                parts.append(tuple(sorted(prefix + name for name in part)))
            found.append(Rotation(*parts))
    else:
        groups = speaker_groups(corpus, genders, speakers, seed=seed)
        found = [rotation(groups, number) for number in range(len(groups))]
    return {number: roles for number, roles in enumerate(found) if number not in corpus.development}


def speaker_groups(
    corpus: EvaluatedCorpus, genders: dict[str, str], speakers: list[str], *, seed: int
) -> list[list[str]]:
    """Return the corpus's groups of speakers, one per rotation.

    Args:
        corpus: of the protocol.
        genders: speaker → gender.
        speakers: (n_clips,) names as in the manifest.
        seed: deals speakers of equally many clips out to groups.

    Raises:
        EmoforgeError: the published folds don't hold every speaker, or there are fewer speakers than groups.
    """
    published = None if corpus.groups else corpora.info(corpus.name).published_folds
    n_groups = len(published) if published else corpus.groups or len(set(speakers))
    fold_of = speaker_folds(speakers, n_folds=n_groups, published=published, genders=genders, seed=seed)
    return [[name for name, fold in fold_of.items() if fold == group] for group in range(n_groups)]
