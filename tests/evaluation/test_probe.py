"""A probe is only worth something if it finds artefacts, and nothing where there are none."""

import numpy as np
import pytest

from emoforge.base.errors import EmoforgeError
from emoforge.evaluation.probe import probe_auc, probe_scores


def clips(artefact: float, *, n_speakers: int = 8, n_clips: int = 10, n_dimensions: int = 400, seed: int = 0):
    """Real and converted clips of two emotions; voices and emotions lie far apart, *artefact* along one direction."""
    rng = np.random.default_rng(seed)
    shape = (n_speakers, 2, 2, n_clips)
    speaker, emotion, converted, _ = (axis.ravel() for axis in np.indices(shape))
    vectors = rng.normal(size=(len(speaker), n_dimensions))
    vectors += rng.normal(0, 3, (n_speakers, n_dimensions))[speaker] + rng.normal(0, 3, (2, n_dimensions))[emotion]
    vectors += artefact * converted[:, None] * rng.normal(size=n_dimensions)
    return vectors, converted.astype(bool), [f"s{number}" for number in speaker], emotion.tolist()


def test_an_artefact_is_found_and_voices_are_not_taken_for_one():
    found, nothing = probe_auc(*clips(1.0)), probe_auc(*clips(0.0))
    assert found.value > 0.95
    assert nothing.value == pytest.approx(0.5, abs=0.12)
    assert nothing.ci_low <= 0.5 <= nothing.ci_high
    assert 0 <= found.ci_low <= found.value <= found.ci_high <= 1
    small = probe_auc(*clips(0.15))
    assert nothing.value < small.value < found.value


def test_what_marks_one_speaker_only_is_no_help_with_another():
    vectors, converted, speakers, groups = clips(0.0)
    # Every speaker's conversions have a direction of their own: a probe that had met the speaker would know it.
    rng = np.random.default_rng(1)
    names = sorted(set(speakers))
    own = {name: rng.normal(size=vectors.shape[1]) for name in names}
    marked = vectors + converted[:, None] * np.array([own[name] for name in speakers])
    assert probe_auc(marked, converted, speakers, groups).value < 0.7


def test_copies_of_real_clips_cannot_be_told_apart():
    vectors, converted, speakers, groups = clips(0.0)
    vectors = vectors.copy()
    vectors[converted] = vectors[~converted]
    copies = probe_auc(vectors, converted, speakers, groups)
    assert copies.value == pytest.approx(0.5, abs=1e-9)


def test_pairs_are_of_one_emotion():
    """Conversions that all sound alike are far from real clips of one emotion only; the other counts no less."""
    vectors, converted, speakers, groups = clips(0.0)
    only = np.array(groups) == 0
    rows = only | ~converted
    kept = [np.asarray(column)[rows] for column in (vectors, converted, speakers, groups)]
    # Emotion 1 has no conversion, so no pair: it is left out instead of being taken for the artefact.
    assert 0 <= probe_auc(*kept).value <= 1
    with pytest.raises(EmoforgeError, match="real and converted"):
        probe_scores(vectors, np.zeros(len(vectors), bool), speakers)


def test_one_speaker_is_too_few():
    vectors, converted, _, groups = clips(0.0, n_speakers=1)
    with pytest.raises(EmoforgeError, match="at least 2 speakers, not 1"):
        probe_auc(vectors, converted, ["s0"] * len(vectors), groups)
    with pytest.raises(EmoforgeError, match="one of each per clip"):
        probe_scores(vectors, converted, ["s0"])
