"""The rows of results.json: one per system, corpus, corpus learnt from and judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.cache import Entry
from emoforge.experiments.conversion.design import Condition, Design
from emoforge.experiments.conversion.fidelity.probe import Vectors, probe_figures, probe_vectors
from emoforge.experiments.conversion.fidelity.words import Words, word_figures
from emoforge.experiments.conversion.figures import (
    Judged,
    confusion,
    gain_figures,
    mean_figures,
    neutral_figures,
    recall_figures,
)
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
                conditions = design.conditions_of(system, corpus, trained_on)
                if not conditions:
                    continue
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
    clips = [row for condition in conditions for row in _emotional(measured.converted[condition])]
    made_by = {
        condition: [row for row in _emotional(measured.converted[condition]) if not row["reason"]]
        for condition in conditions
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
        heard = _heard_conversions(conditions, kind, measured)
        judged = _judged(_emotional(heard), labels)
        row = {
            "system": system.name,
            "reference": system.reference,
            "corpus": corpus,
            "trained_on": trained_on,
            "judge": kind,
            "n_clips": len(clips),
            "n_failed": len(clips) - len(made),
            "n_speakers": len(set(speakers.tolist())),
        }
        row |= recall_figures(judged, _judged(real, labels), labels, **options) | figures
        row |= neutral_figures(_judged(_neutral(heard), labels), _judged(_neutral(real), labels))
        row["confusion"] = confusion(_judged(heard, labels), labels)
        row["confusion_real"] = confusion(_judged(real, labels), labels)
        for figure, other in _compared_with(system).items():
            baseline = None
            if other in design.systems_of(corpus, trained_on):
                others = design.conditions_of(other, corpus, trained_on)
                baseline = _same_clips(_emotional(heard), _heard_conversions(others, kind, measured))
            row |= gain_figures(figure, judged, _judged(baseline, labels) if baseline else None, **options)
        rows.append(row)
    return rows


def _compared_with(system: System) -> dict[str, System | None]:
    """Return the systems that the gain of *system* is measured over, by the name of the figure."""
    baseline = System(BASELINE)
    compared = {"gain_over_transplant": None if system == baseline else baseline}
    return compared | ({"gain_over_whole": System(system.kind)} if system.part else {})


def _emotional(rows: Sequence[dict]) -> list[dict]:
    return [row for row in rows if row["emotion"] != NEUTRAL]


def _neutral(rows: Sequence[dict]) -> list[dict]:
    return [row for row in rows if row["emotion"] == NEUTRAL]


def _heard_conversions(conditions: Sequence[Condition], kind: str, measured: Measured) -> list[dict]:
    """Return clip_id, speaker, target emotion, heard and confidence of every conversion."""
    return [
        {name: row[name] for name in ("clip_id", "speaker", "emotion")} | dict(heard.get(row["clip_id"], _NOT_MADE))
        for condition in conditions
        for heard in [measured.heard[condition, kind]]
        for row in measured.converted[condition]
    ]


def _same_clips(rows: Sequence[dict], others: Sequence[dict]) -> list[dict] | None:
    """Return those of *others* that stand beside *rows*, in their order; None where one is missing."""
    by_id = {row["clip_id"]: row for row in others}
    return [by_id[row["clip_id"]] for row in rows] if all(row["clip_id"] in by_id for row in rows) else None


def _judged(rows: Sequence[Mapping], labels: Sequence[str]) -> Judged:
    """Return rows of speaker, emotion and heard as arrays; what was heard is no label where a clip was not made."""
    index = {label: number for number, label in enumerate(labels)}
    return Judged(
        np.array([index[row["emotion"]] for row in rows]),
        np.array([index.get(row["heard"], -1) for row in rows]),
        np.array([row["confidence"] for row in rows], dtype=float),
        np.array([row["speaker"] for row in rows]),
    )
