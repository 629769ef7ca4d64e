"""What is told of how typical an example is."""

from dataclasses import replace

import numpy as np

from emoforge.convert.neural.pairs import F0
from emoforge.convert.neural.typicality import with_typicality


def test_what_is_acted_like_another_emotion_is_least_typical(pairs):
    """An angry pair whose targets are a sad one's."""
    angry = next(i for i, pair in enumerate(pairs) if pair.emotion == "anger")
    sad = next(pair for pair in pairs if pair.emotion == "sadness" and pair.speaker != pairs[angry].speaker)
    changed = list(pairs)
    changed[angry] = replace(pairs[angry], targets=sad.targets, weights=sad.weights)
    ranked = with_typicality(changed)
    others = [pair.typicality for pair in ranked if pair.emotion == "anger" and pair is not ranked[angry]]
    assert ranked[angry].typicality == 0
    assert 0 < min(others) <= max(others) <= 1


def test_a_single_speaker_tells_nothing(pairs):
    own = [pair for pair in pairs if pair.speaker == pairs[0].speaker]
    assert {pair.typicality for pair in with_typicality(own)} == {0.5}


def test_an_emotion_that_one_speaker_acts_is_not_judged(pairs):
    changed = [replace(pairs[0], emotion="fear"), *pairs[1:]]
    ranked = with_typicality(changed)
    assert ranked[0].typicality == 0.5
    assert all(np.isfinite(pair.typicality) for pair in ranked)


def test_what_is_learnt_is_left_as_it_is(pairs):
    for before, after in zip(pairs, with_typicality(pairs), strict=True):
        assert np.array_equal(before.targets[:, F0], after.targets[:, F0])
        assert (before.speaker, before.emotion) == (after.speaker, after.emotion)
