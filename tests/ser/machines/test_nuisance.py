"""What is taken out of clips is how speakers differ, not how emotions do."""

import numpy as np

from emoforge.ser.machines.nuisance import directions, folds_of, without


def test_voices_are_taken_out_and_emotions_are_left():
    rng = np.random.default_rng(0)
    speakers, truth = np.repeat(list("abcdef"), 20), np.tile(np.arange(2), 60)
    voices = {name: rng.normal(0, 5) for name in "abcdef"}
    vectors = rng.normal(0, 0.1, (120, 5))
    vectors[:, 0] += [voices[name] for name in speakers]
    vectors[:, 1] += 3.0 * truth
    # Who acts one emotion more often is not a voice.
    kept = ~((speakers == "a") & (truth == 1))
    away = directions(vectors[kept], truth[kept], speakers[kept], np.ones(kept.sum()), 1)
    found = without(vectors, away)
    assert found[:, 0].std() < 0.3
    assert vectors[:, 0].std() > 1.5
    assert found[truth == 1, 1].mean() - found[truth == 0, 1].mean() > 2.9


def test_there_are_fewer_directions_than_speakers():
    rng = np.random.default_rng(1)
    speakers = np.repeat(list("abc"), 4)
    away = directions(rng.normal(size=(12, 7)), np.arange(12) % 2, speakers, np.ones(12), 8)
    assert away.shape == (2, 7)
    np.testing.assert_allclose(away @ away.T, np.eye(2), atol=1e-9)


def test_every_speaker_is_left_out_once_and_never_in_part():
    speakers = np.repeat([f"s{i}" for i in range(7)], [1, 2, 3, 4, 5, 6, 7])
    seen = []
    for rest, group in folds_of(speakers):
        assert not set(speakers[rest]) & set(speakers[group])
        seen += group.tolist()
    assert sorted(seen) == list(range(len(speakers)))
    assert not list(folds_of(np.array(["a", "a"])))
