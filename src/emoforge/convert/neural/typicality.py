"""How typical of its emotion each example is, to an ear that does not know its speaker.

Actors do not always act what they were asked to, and what is hardly heard as its emotion teaches a converter little
good. Rather than leave such examples out, the network is told how typical each one is, and is asked for typical ones.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emoforge.convert.neural.pairs import Example

_FOLDS = 6


def with_typicality(examples: Sequence[Example]) -> list[Example]:
    """Return *examples* with their typicality, 0 to 1: the rank of each among those of its emotion.

    Examples are ranked by the log probability of their emotion, to a linear discriminant (Ledoit and Wolf 2004, for
    its shrinkage) of the mean and the spread of their targets that was trained on the other speakers. With a single
    speaker or a single emotion there is nothing to compare: all get 0.5.
    """
    # Only fitting needs these, and they take longer to load than a clip takes to convert.
    from scipy.stats import rankdata
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import GroupKFold

    emotions = np.array([example.emotion for example in examples])
    speakers = np.array([example.speaker for example in examples])
    n_folds = min(_FOLDS, len(set(speakers)))
    if n_folds < 2 or len(set(emotions)) < 2:
        return [replace(example, typicality=0.5) for example in examples]
    summaries = np.stack([_summary(example) for example in examples])
    scores = np.zeros(len(examples))
    for known, asked in GroupKFold(n_folds).split(summaries, groups=speakers):
        # An emotion with one example has no spread to learn; one that only the judged speakers act gets no rank.
        names, counts = np.unique(emotions[known], return_counts=True)
        known = known[np.isin(emotions[known], names[counts > 1])]
        if len(set(emotions[known])) < 2:
            scores[asked] = np.nan
            continue
        judge = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        judge.fit(summaries[known], emotions[known])
        columns = {emotion: column for column, emotion in enumerate(judge.classes_)}
        log_probabilities = judge.predict_log_proba(summaries[asked])
        scores[asked] = [
            log_probabilities[row, columns[emotion]] if emotion in columns else np.nan
            for row, emotion in enumerate(emotions[asked])
        ]
    typicality = np.full(len(examples), 0.5)
    for emotion in set(emotions.tolist()):
        rows = np.flatnonzero((emotions == emotion) & np.isfinite(scores))
        if len(rows) > 1:
            typicality[rows] = (rankdata(scores[rows]) - 1) / (len(rows) - 1)
    return [replace(example, typicality=float(rank)) for example, rank in zip(examples, typicality, strict=True)]


def _summary(example: Example) -> np.ndarray:
    mass = np.maximum(example.weights.sum(axis=0), 1e-6)
    mean = (example.weights * example.targets).sum(axis=0) / mass
    variance = (example.weights * (example.targets - mean) ** 2).sum(axis=0) / mass
    return np.concatenate([mean, np.sqrt(variance)])
