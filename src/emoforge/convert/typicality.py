"""How typical of its emotion each clip is, to an ear that does not know its speaker.

Actors do not always act what they were asked to, and what is hardly heard as its emotion teaches a converter little
good.
"""

from collections.abc import Sequence

import numpy as np

_FOLDS = 6


def typicality(summaries: np.ndarray, emotions: Sequence[str], speakers: Sequence[str]) -> np.ndarray:
    """Return (n_clips,) from 0 to 1: the rank of each clip among those of its emotion.

    Clips are ranked by the log probability of their emotion, to a linear discriminant (Ledoit and Wolf 2004, for its
    shrinkage) of their summaries that was trained on the other speakers. With a single speaker or a single emotion
    there is nothing to compare: all get 0.5.

    Args:
        summaries: (n_clips, n_numbers).
        emotions: (n_clips,) names.
        speakers: (n_clips,) names.
    """
    # Only fitting needs these, and they take longer to load than a clip takes to convert.
    from scipy.stats import rankdata
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import GroupKFold

    heard, spoken_by = np.asarray(emotions), np.asarray(speakers)
    ranks = np.full(len(summaries), 0.5)
    n_folds = min(_FOLDS, len(set(speakers)))
    if n_folds < 2 or len(set(emotions)) < 2:
        return ranks
    scores = np.zeros(len(summaries))
    for known, asked in GroupKFold(n_folds).split(summaries, groups=spoken_by):
        # An emotion with one clip has no spread to learn; one that only the judged speakers act gets no rank.
        names, counts = np.unique(heard[known], return_counts=True)
        known = known[np.isin(heard[known], names[counts > 1])]
        if len(set(heard[known])) < 2:
            scores[asked] = np.nan
            continue
        judge = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        judge.fit(summaries[known], heard[known])
        columns = {emotion: column for column, emotion in enumerate(judge.classes_)}
        log_probabilities = judge.predict_log_proba(summaries[asked])
        scores[asked] = [
            log_probabilities[row, columns[emotion]] if emotion in columns else np.nan
            for row, emotion in enumerate(heard[asked])
        ]
    for emotion in set(emotions):
        rows = np.flatnonzero((heard == emotion) & np.isfinite(scores))
        if len(rows) > 1:
            ranks[rows] = (rankdata(scores[rows]) - 1) / (len(rows) - 1)
    return ranks
