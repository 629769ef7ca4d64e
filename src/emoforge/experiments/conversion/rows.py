"""The rows of results.json: one per system, corpus, corpus learnt from and judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emoforge.experiments.cache import Entry
from emoforge.experiments.conversion.design import Condition, Design
from emoforge.experiments.conversion.fidelity.probe import Vectors, probe_figures, probe_vectors
from emoforge.experiments.conversion.fidelity.words import Words, word_figures
from emoforge.experiments.conversion.figures import Judged, gain_figures, mean_figures, recall_figures
from emoforge.experiments.conversion.protocol import System
from emoforge.experiments.conversion.references import References, references_of

#: The system that every other one is compared with.
BASELINE = "transplant"
#: A clip that could not be made is heard as nothing, and nobody is confident in it.
_NOT_MADE = {"heard": "", "confidence": float("nan")}


@dataclass(frozen=True)
class Measured:
    """All that was measured and heard.

    Attributes:
        recorded: (corpus, number of the rotation) → measured recordings.
        converted: condition → measured conversions.
        heard_real: (kind of judge, corpus, number of the rotation) → rows with the emotion that it hears in real clips,
            and its confidence in the right one.
        heard: (condition, kind of judge) → clip_id → the same of a conversion and its target emotion.
        embedded: corpus → entry with what the encoder makes of the recordings; empty without an encoder.
        embedded_conversions: condition → entry with the same of the conversions; empty likewise.
        words: corpus → what was written down of recordings and conversions.
    """

    recorded: Mapping[tuple[str, int], Sequence[dict]]
    converted: Mapping[Condition, Sequence[dict]]
    heard_real: Mapping[tuple[str, str, int], Sequence[dict]]
    heard: Mapping[tuple[Condition, str], Mapping[str, Mapping]]
    embedded: Mapping[str, Entry]
    embedded_conversions: Mapping[Condition, Entry]
    words: Mapping[str, Words]


def result_rows(design: Design, measured: Measured) -> list[dict]:
    """Return the rows of results.json, in the order of corpora, corpora learnt from, systems and judges."""
    rows = []
    for corpus, of_corpus in design.rotations.items():
        references = references_of([row for number in of_corpus for row in measured.recorded[corpus, number]])
        vectors = probe_vectors(design, corpus, measured.embedded[corpus]) if measured.embedded else ({}, {})
        for trained_on in design.trained_on(corpus):
            for system in design.systems_of(corpus, trained_on):
                conditions = [Condition(system, corpus, trained_on, number) for number in of_corpus]
                rows += _rows_of(conditions, design, measured, references, vectors)
    return rows


def _rows_of(
    conditions: Sequence[Condition],
    design: Design,
    measured: Measured,
    references: References,
    vectors: tuple[Vectors, Vectors],
) -> list[dict]:
    """Return one row per judge, over *conditions* that differ in their rotation only."""
    system, corpus, trained_on = conditions[0].system, conditions[0].corpus, conditions[0].trained_on
    clips = [row for condition in conditions for row in measured.converted[condition]]
    made_by = {
        condition: [row for row in measured.converted[condition] if not row["reason"]] for condition in conditions
    }
    made = [row for of_condition in made_by.values() for row in of_condition]
    speakers = np.array([row["speaker"] for row in made])
    figures = mean_figures(references.columns(made), speakers) | references.diversity(made)
    figures |= probe_figures(design, conditions, measured.converted, measured.embedded_conversions, vectors)
    real_clips = [row for condition in conditions for row in measured.recorded[corpus, condition.rotation]]
    figures |= word_figures(conditions, made_by, real_clips, measured.words[corpus])
    labels = design.emotions(corpus)
    options = {"n_draws": design.protocol.draws, "seed": design.protocol.seed}
    rows = []
    for kind in design.protocol.judges:
        real = [row for condition in conditions for row in measured.heard_real[kind, corpus, condition.rotation]]
        judged = _judged_conversions(conditions, kind, labels, measured)
        row = {
            "system": system.name,
            "corpus": corpus,
            "trained_on": trained_on,
            "judge": kind,
            "n_clips": len(clips),
            "n_failed": len(clips) - len(made),
            "n_speakers": len(set(speakers.tolist())),
        }
        row |= recall_figures(judged, _judged(real, labels), labels, **options) | figures
        for figure, other in _compared_with(system).items():
            baseline = None
            if other in design.systems:
                others = [Condition(other, corpus, trained_on, condition.rotation) for condition in conditions]
                baseline = _judged_conversions(others, kind, labels, measured)
            row |= gain_figures(figure, judged, baseline, **options)
        rows.append(row)
    return rows


def _compared_with(system: System) -> dict[str, System | None]:
    """Return the systems that the gain of *system* is measured over, by the name of the figure."""
    baseline = System(BASELINE)
    compared = {"gain_over_transplant": None if system == baseline else baseline}
    return compared | ({"gain_over_whole": System(system.kind)} if system.part else {})


def _judged_conversions(
    conditions: Sequence[Condition], kind: str, labels: Sequence[str], measured: Measured
) -> Judged:
    rows = [
        {"speaker": row["speaker"], "emotion": row["emotion"], **heard.get(row["clip_id"], _NOT_MADE)}
        for condition in conditions
        for heard in [measured.heard[condition, kind]]
        for row in measured.converted[condition]
    ]
    return _judged(rows, labels)


def _judged(rows: Sequence[Mapping], labels: Sequence[str]) -> Judged:
    """Return rows of speaker, emotion and heard as arrays; what was heard is no label where a clip was not made."""
    index = {label: number for number, label in enumerate(labels)}
    return Judged(
        np.array([index[row["emotion"]] for row in rows]),
        np.array([index.get(row["heard"], -1) for row in rows]),
        np.array([row["confidence"] for row in rows], dtype=float),
        np.array([row["speaker"] for row in rows]),
    )
