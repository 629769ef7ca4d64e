"""How confident an independent recogniser is in an emotion: judges that learnt from neither speaker of a clip.

A recogniser knows the clips that it was trained on, and whatever was made from them. A converted clip is made from two:
the source clip, and the clip of perhaps another speaker that showed the emotion (its style). It is therefore judged by
a recogniser trained on real clips of training speakers other than these two; a kind that chooses layers of an encoder
chooses them on these speakers. No judge learns from another split.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from sklearn.model_selection import GroupKFold

from emoforge.base.errors import EmoforgeError, ManifestError
from emoforge.ser.recogniser import Examples, Recogniser
from emoforge.ser.registry import recogniser_class


@dataclass(frozen=True)
class OutOfFoldJudge:
    """A recogniser for each pair of groups of training speakers, trained without them when it is first needed.

    What a pair's recogniser answers depends on the pair alone, not on what was judged before.

    Attributes:
        labels: emotion names, in the order of the columns of probabilities.
        fold_of: training speaker → their group.
        train: labelled clips of the training speakers.
        enrolment: neutral clips of the training speakers.
        kind: of the recognisers.
        seed: of the recognisers.
    """

    labels: tuple[str, ...]
    fold_of: dict[str, int]
    train: Examples
    enrolment: Examples
    kind: str
    seed: int
    _recognisers: dict[tuple[int, int], Recogniser] = field(default_factory=dict, init=False, repr=False, compare=False)

    def judge(
        self,
        inputs: np.ndarray | Sequence[np.ndarray],
        source_speakers: np.ndarray,
        style_speakers: np.ndarray | Sequence[str | None],
    ) -> np.ndarray:
        """Return how probable each emotion is, to a recogniser that knows neither speaker.

        Args:
            inputs: of converted clips, as the judge's kind reads them: (n_clips, n_features) functionals, (n_clips,
                n_layers, n_values) embeddings or n_clips log-mel spectrograms.
            source_speakers: (n_clips,) who spoke the clips that they were converted from.
            style_speakers: (n_clips,) who spoke the clips that showed the emotion; None where there was none.

        Returns:
            (n_clips, n_classes), rows sum to 1.

        Raises:
            ManifestError: a speaker is not one of the training speakers.
            EmoforgeError: too few speakers or emotions are left to train on beside the two.
        """
        examples = Examples(inputs, np.asarray(source_speakers))
        if len(style_speakers) != len(examples):
            raise EmoforgeError(
                f"{len(examples)} clips came with {len(style_speakers)} style speakers: every clip needs one, or None"
            )
        sources = [str(name) for name in examples.speakers]
        styles = [
            source if style is None else str(style) for source, style in zip(sources, style_speakers, strict=True)
        ]
        self._refuse_strangers("speaker", sources)
        self._refuse_strangers("style speaker", styles)
        folds = [(self.fold_of[source], self.fold_of[style]) for source, style in zip(sources, styles, strict=True)]
        pairs = [(min(both), max(both)) for both in folds]
        probabilities = np.zeros((len(examples), len(self.labels)))
        for pair in sorted(set(pairs)):
            rows = np.flatnonzero([of_clip == pair for of_clip in pairs])
            probabilities[rows] = self._recogniser(pair).predict_proba(examples.take(rows), self.enrolment)
        return probabilities

    def _refuse_strangers(self, role: str, speakers: list[str]) -> None:
        strangers = sorted(set(speakers) - set(self.fold_of))
        if strangers:
            raise ManifestError(
                f"{role} {strangers[0]!r} is not one of the judge's {len(self.fold_of)} training speakers "
                f"({len(strangers)} such in all): only clips made from the training split are judged"
            )

    def _recogniser(self, pair: tuple[int, int]) -> Recogniser:
        if pair not in self._recognisers:
            known = [name for name, fold in self.fold_of.items() if fold not in pair]
            if not np.isin(np.asarray(self.train.speakers).astype(str), known).any():
                raise EmoforgeError(
                    f"the judge's {len(self.fold_of)} training speakers in {len(set(self.fold_of.values()))} groups "
                    "leave nobody to learn from beside a source and a style speaker: at least 3 groups are needed"
                )
            self._recognisers[pair] = recogniser_class(self.kind).fit(
                _of_speakers(self.train, known),
                labels=self.labels,
                enrolment=_of_speakers(self.enrolment, known),
                seed=self.seed + pair[0] * len(self.fold_of) + pair[1],
            )
        return self._recognisers[pair]


def out_of_fold_judge(
    train: Examples,
    *,
    splits: np.ndarray,
    origins: np.ndarray,
    labels: Sequence[str],
    enrolment: Examples,
    n_folds: int = 5,
    kind: str = "svm",
    unheard: Sequence[str] = (),
    seed: int,
) -> OutOfFoldJudge:
    """Group real recordings of training speakers for the judge's recognisers.

    Args:
        train: labelled clips.
        splits: (n_clips,) split of each clip; anything but "train" is refused.
        origins: (n_clips,) origin of each clip; anything but "recorded" is refused.
        labels: emotion names.
        enrolment: neutral clips of the training speakers; of others it is refused.
        n_folds: groups of speakers; fewer where there are fewer speakers. Each recogniser does without one or two of
            them; styles of other speakers need at least 3.
        kind: of the recogniser, see :data:`emoforge.ser.registry.KINDS`.
        unheard: further training speakers whose conversions are judged, though they have no clip to train on; they
            may have enrolment clips.
        seed: of the recognisers.

    Raises:
        ManifestError: a clip is not a recording of the training split.
        EmoforgeError: fewer than two speakers, or a column of another length.
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
    strangers = sorted({str(name) for name in enrolment.speakers} - set(names.tolist()) - set(unheard))
    if strangers:
        raise ManifestError(
            f"speaker {strangers[0]!r} has enrolment clips but no training clip: give the judge training speakers only"
        )
    if len(names) < 2:
        raise EmoforgeError(f"an out-of-fold judge needs at least 2 training speakers, not {len(names)}")
    groups = GroupKFold(min(n_folds, len(names))).split(speakers, groups=speakers)
    fold_of = {str(name): fold for fold, (_, own) in enumerate(groups) for name in np.unique(speakers[own])}
    # A group of their own: to leave it out costs no judge a speaker.
    fold_of |= dict.fromkeys((str(name) for name in unheard if str(name) not in fold_of), len(set(fold_of.values())))
    return OutOfFoldJudge(tuple(labels), dict(sorted(fold_of.items())), train, enrolment, kind, seed)


def _of_speakers(examples: Examples, names: list[str]) -> Examples:
    return examples.take(np.isin(np.asarray(examples.speakers).astype(str), names))
