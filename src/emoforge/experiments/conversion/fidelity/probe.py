"""The probe of an evaluation of conversion: which clips it compares, and what it finds."""

from collections.abc import Mapping, Sequence

import numpy as np

from emoforge.dataset.labels import NEUTRAL
from emoforge.evaluation.probe import probe_auc
from emoforge.experiments.cache import Entry
from emoforge.experiments.conversion.design import Condition, Design
from emoforge.experiments.conversion.figures import interval_figures
from emoforge.experiments.conversion.sources import choose_neutral, choose_real
from emoforge.experiments.embeddings import read_embeddings

Vectors = Mapping[str, np.ndarray]


def probe_vectors(design: Design, corpus: str, recorded: Entry) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return clip_id → embedding of a corpus's recordings, and speaker → that of their neutral voice.

    An embedding is that of all layers, (n_layers * n_values,). The neutral voice is the mean over the clips that enrol
    the speaker: what recognisers take off, the probe takes off too.
    """
    vectors = {clip_id: values.ravel() for clip_id, values in read_embeddings([recorded]).items()}
    enrolling: dict[str, list[np.ndarray]] = {}
    for row in design.corpora[corpus].table.select(["clip_id", "speaker", "enrolment"]).to_pylist():
        if row["enrolment"]:
            enrolling.setdefault(row["speaker"], []).append(vectors[row["clip_id"]])
    return vectors, {speaker: np.mean(own, axis=0) for speaker, own in enrolling.items()}


def probe_figures(
    design: Design,
    conditions: Sequence[Condition],
    converted: Mapping[Condition, Sequence[dict]],
    embedded: Mapping[Condition, Entry],
    recorded: tuple[Vectors, Vectors],
) -> dict[str, object]:
    """Return how well a probe tells the conversions of one system from real clips.

    Args:
        design: of the evaluation.
        conditions: that differ in their rotation only.
        converted: condition → rows of the conversions.
        embedded: condition → entry with their embeddings; empty where nobody made any.
        recorded: what :func:`probe_vectors` returned.

    Returns:
        probe_auc, conversions into an emotion against real clips of that emotion; probe_auc_neutral, conversions to
        neutral against their own sources; both with _ci_low and _ci_high, None where there is nothing to compare.
    """
    pairs: dict[str, list[tuple[dict, np.ndarray, bool]]] = {"probe_auc": [], "probe_auc_neutral": []}
    vectors, voices = recorded
    for condition in conditions if embedded else ():
        own = read_embeddings([embedded[condition]])
        sources = design.sources[condition.corpus, condition.rotation]
        rows = design.corpora[condition.corpus].rows(design.rotation_of(condition).sources)
        made = [row for row in converted[condition] if row["clip_id"] in own and row["speaker"] in voices]
        most = max((len(of_kind) for of_kind in _by_kind(made).values()), default=0)
        real = [
            *choose_real(rows, sources, n_clips=most, seed=design.protocol.seed),
            *choose_neutral(rows, sources, n_clips=most, seed=design.protocol.seed),
        ]
        for kind, of_kind in _by_kind(made).items():
            of_real = _by_kind(real).get(kind, [])
            # As many of either: the probe is to learn what differs, not what is rare.
            for conversion, recording in zip(of_kind, of_real, strict=False):
                name = "probe_auc_neutral" if kind[1] == NEUTRAL else "probe_auc"
                voice = voices[conversion["speaker"]]
                pairs[name].append((conversion, own[conversion["clip_id"]].ravel() - voice, True))
                pairs[name].append((recording, vectors[recording["clip_id"]] - voice, False))
    figures: dict[str, object] = {}
    for name, clips in pairs.items():
        speakers = [row["speaker"] for row, _, _ in clips]
        interval = None
        if len(set(speakers)) > 1:
            interval = probe_auc(
                np.array([vector for _, vector, _ in clips]),
                np.array([is_converted for _, _, is_converted in clips]),
                speakers,
                [row["emotion"] for row, _, _ in clips],
            )
        figures |= interval_figures(name, interval)
    return figures


def _by_kind(rows: Sequence[dict]) -> dict[tuple[str, str], list[dict]]:
    """Return (speaker, emotion) → rows, in their order."""
    found: dict[tuple[str, str], list[dict]] = {}
    for row in rows:
        found.setdefault((row["speaker"], row["emotion"]), []).append(row)
    return found
