"""How confident an independent ear is in an emotion: judges that never heard the speaker they judge.

A recogniser knows the clips that it was trained on, and whatever was made from them. Each training speaker's converted
clips are therefore judged by a recogniser trained on real clips of the *other* training speakers. Nothing of another
split ever comes near a judge.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import GroupKFold

from emoforge.errors import EmoforgeError, ManifestError
from emoforge.ser.recogniser import Examples, Recogniser, recogniser_class


@dataclass(frozen=True)
class OutOfFoldJudge:
    """One recogniser for each group of training speakers, trained without them.

    Attributes:
        labels: emotion names, in the order of the columns of probabilities.
        recognisers: one a fold.
        fold_of: training speaker → the recogniser that never heard them.
        enrolment: neutral clips of the training speakers.
    """

    labels: tuple[str, ...]
    recognisers: tuple[Recogniser, ...]
    fold_of: dict[str, int]
    enrolment: Examples

    def judge(self, inputs: np.ndarray | Sequence[np.ndarray], source_speakers: np.ndarray) -> np.ndarray:
        """Return how probable each emotion is, to a recogniser that does not know the speaker.

        Args:
            inputs: (n_clips, n_features) functionals or n_clips log-mel spectrograms of converted clips.
            source_speakers: (n_clips,) who spoke the clips that they were converted from.

        Returns:
            (n_clips, n_classes), rows sum to 1.

        Raises:
            ManifestError: a speaker is not one of the training speakers.
        """
        examples = Examples(inputs, np.asarray(source_speakers))
        strangers = sorted({str(name) for name in examples.speakers} - set(self.fold_of))
        if strangers:
            raise ManifestError(
                f"speaker {strangers[0]!r} is not one of the judge's {len(self.fold_of)} training speakers "
                f"({len(strangers)} such in all): only clips of the training split are judged"
            )
        folds = np.array([self.fold_of[str(name)] for name in examples.speakers], dtype=int)
        probabilities = np.zeros((len(examples), len(self.labels)))
        for fold in np.unique(folds):
            rows = np.flatnonzero(folds == fold)
            probabilities[rows] = self.recognisers[fold].predict_proba(examples.take(rows), self.enrolment)
        return probabilities


def out_of_fold_judge(
    train: Examples,
    *,
    splits: np.ndarray,
    origins: np.ndarray,
    labels: Sequence[str],
    enrolment: Examples,
    n_folds: int = 5,
    kind: str = "svm",
    seed: int,
) -> OutOfFoldJudge:
    """Train the judges on real recordings of training speakers.

    Args:
        train: labelled clips.
        splits: (n_clips,) split of each clip; anything but "train" is refused.
        origins: (n_clips,) origin of each clip; anything but "recorded" is refused.
        labels: emotion names.
        enrolment: neutral clips of the training speakers; of others it is refused.
        n_folds: groups of speakers; fewer where there are fewer speakers.
        kind: of the recogniser, see :data:`emoforge.ser.recogniser.KINDS`.
        seed: of the recognisers.

    Raises:
        ManifestError: a clip is not a recording of the training split.
        EmoforgeError: fewer than two speakers, or one group's others lack emotions to train on.
    """
    for name, column, wanted in (("split", splits, "train"), ("origin", origins, "recorded")):
        column = np.asarray(column)
        if len(column) != len(train):
            raise EmoforgeError(f"{len(train)} clips came with {len(column)} {name}s: every clip needs one")
        others = np.flatnonzero(column != wanted)
        if len(others):
            raise ManifestError(
                f"{len(others)} clips to train the judge on have {name} {str(column[others[0]])!r}, allowed: {wanted}: "
                "leave them out, a judge must not know what is tested"
            )
    speakers = np.array([str(name) for name in train.speakers])
    names = np.unique(speakers)
    strangers = sorted({str(name) for name in enrolment.speakers} - set(names.tolist()))
    if strangers:
        raise ManifestError(
            f"speaker {strangers[0]!r} has enrolment clips but no training clip: give the judge training speakers only"
        )
    if len(names) < 2:
        raise EmoforgeError(f"an out-of-fold judge needs at least 2 training speakers, not {len(names)}")
    recognisers: list[Recogniser] = []
    fold_of: dict[str, int] = {}
    enrolled = np.array([str(name) for name in enrolment.speakers])
    for fold, (others, own) in enumerate(GroupKFold(min(n_folds, len(names))).split(speakers, groups=speakers)):
        left_out = np.unique(speakers[own]).tolist()
        known = enrolment.take(~np.isin(enrolled, left_out))
        recognisers.append(
            recogniser_class(kind).fit(train.take(others), labels=labels, enrolment=known, seed=seed + fold)
        )
        fold_of |= dict.fromkeys(left_out, fold)
    return OutOfFoldJudge(tuple(labels), tuple(recognisers), dict(sorted(fold_of.items())), enrolment)
