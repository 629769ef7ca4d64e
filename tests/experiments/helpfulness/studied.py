"""A pool made up of known voices and emotions, for tests of what studies train on."""

import numpy as np

from emoforge.evaluation.arms import CLASSICAL, REAL, SYNTHETIC
from emoforge.experiments.helpfulness.clips.pool import TO_NEUTRAL, Pool, Task
from emoforge.experiments.helpfulness.situations import Recorded

LABELS = ("anger", "neutral", "sadness")
N_SPEAKERS, N_TAKES = 6, 8


def recorded() -> Recorded:
    """Six speakers, eight takes of every emotion, two neutral ones of which enrol; folds of two speakers."""
    speakers = np.repeat([f"s{i}" for i in range(N_SPEAKERS)], N_TAKES * 3)
    takes = np.tile(np.arange(N_TAKES * 3), N_SPEAKERS)
    neutral = takes % 3 == 1
    return Recorded(
        speakers,
        np.full(len(speakers), "corpus"),
        neutral,
        neutral & (takes < 6),
        np.repeat(np.arange(N_SPEAKERS) // 2, N_TAKES * 3),
        {f"s{i}": ("female", "male")[i % 2] for i in range(N_SPEAKERS)},
    )


def features(rng: np.random.Generator, speakers: np.ndarray, labels: np.ndarray, shift: float = 0.0) -> np.ndarray:
    """Voices far apart, emotions nearer to each other, as in speech."""
    voices = np.array([np.random.default_rng(int(name[1:])).normal(0, 3, 5) for name in speakers])
    return voices + 1.5 * np.eye(3, 5)[labels] + shift + rng.normal(0, 0.6, (len(labels), 5))


def pool(*, shift: float = 0.0) -> tuple[Pool, np.ndarray]:
    """The recorded clips, one classical copy of each, and of every neutral one conversions by each other speaker.

    Conversions of speaker s5 (unit 5) aim at the wrong emotion. *shift* is what rendering adds to all conversions,
    those to neutral included.
    """
    own = recorded()
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(N_TAKES * 3) % 3, N_SPEAKERS)
    real = features(rng, own.speakers, labels)
    rows = [(REAL, row, -1, -1, labels[row], real[row]) for row in range(len(labels))]
    rows += [(CLASSICAL, row, -1, -1, labels[row], real[row] + rng.normal(0, 0.2, 5)) for row in range(len(labels))]
    for unit in range(N_SPEAKERS):
        style = int(np.flatnonzero(own.speakers == f"s{unit}")[0])
        for source in np.flatnonzero(own.neutral & (own.speakers != f"s{unit}")):
            for emotion, kind in ((0, SYNTHETIC), (2, SYNTHETIC), (1, TO_NEUTRAL)):
                meant = np.array([2 - emotion if unit == 5 else emotion])
                made = features(rng, own.speakers[[source]], meant, shift)[0]
                rows.append((kind, source, style, unit, emotion, made))
    kinds, sources, styles, fitted, emotions, values = (list(column) for column in zip(*rows, strict=True))
    sources = np.array(sources)
    n_recorded = len(labels)
    enrolment = np.zeros(len(rows), dtype=bool)
    enrolment[:n_recorded] = own.enrolment
    return (
        Pool(
            clip_ids=np.array([f"c{i:05d}" for i in range(len(rows))]),
            kinds=np.array(kinds),
            speakers=own.speakers[sources],
            voices=own.speakers[sources],
            emotions=np.array(emotions),
            sources=sources,
            styles=np.array(styles),
            fitted=np.array(fitted),
            enrolment=enrolment,
            labels=LABELS,
            neutral=1,
        ),
        np.array(values),
    )


def task_of(labelled: list[str], neutral: list[str], tested: list[str]) -> Task:
    own = recorded()
    return Task(own.rows(own.of(labelled)), own.rows(own.of(neutral) & own.neutral), own.rows(own.of(tested)))
