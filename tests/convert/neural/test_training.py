"""Training: the same bytes for the same inputs, killed or not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.convert.neural.conftest import TINY

from emoforge.base.errors import ModelError
from emoforge.convert.neural.batches import Scale, make_batch
from emoforge.convert.neural.model import PerformanceField
from emoforge.convert.neural.training import PRESETS, train_field

EMOTIONS = ["anger", "sadness"]
SHORT = replace(TINY, steps=24, validate_every=6)
#: The network is another one at every look, and some look is worse than the one before.
UNSTEADY = replace(SHORT, learning_rate=0.3, ema_decay=0.0, steps=60, validate_every=3, patience=1)


class KilledError(Exception):
    pass


def killer(step):
    def on_point(look):
        if look.step == step:
            raise KilledError

    return on_point


def train(pairs, *, options=SHORT, seed=0, **keywords):
    return train_field(pairs, EMOTIONS, options=options, seed=seed, **keywords)


def content(network):
    return b"".join(values.numpy().tobytes() for values in network.state_dict().values())


@pytest.fixture(scope="module")
def whole(pairs):
    network, _, points = train(pairs)
    return content(network), points


def test_each_seed_gives_a_network_of_its_own(pairs, whole):
    torch.manual_seed(17)
    state = torch.get_rng_state()
    again, _, points = train(pairs)
    assert torch.equal(torch.get_rng_state(), state)
    assert (content(again), points) == whole
    assert content(train(pairs, seed=1)[0]) != whole[0]


@pytest.mark.parametrize("step", [6, 18, 24])
def test_a_killed_training_goes_on_to_the_same_bytes(pairs, whole, tmp_path, step):
    checkpoint = tmp_path / "folder" / "checkpoint.safetensors"
    with pytest.raises(KilledError):
        train(pairs, checkpoint=checkpoint, on_point=killer(step))
    seen = []
    network, _, points = train(pairs, checkpoint=checkpoint, on_point=lambda look: seen.append(look.step))
    assert seen == [s for s in (6, 12, 18, 24) if s > step]
    assert (content(network), points) == whole
    assert [path.name for path in checkpoint.parent.iterdir()] == ["checkpoint.safetensors"]


def test_a_training_that_stopped_early_does_not_go_on(pairs, tmp_path):
    network, _, points = train(pairs, options=UNSTEADY)
    assert points[-1].step < UNSTEADY.steps
    with pytest.raises(KilledError):
        train(pairs, options=UNSTEADY, checkpoint=tmp_path / "c", on_point=killer(points[-1].step))
    resumed, _, same_points = train(pairs, options=UNSTEADY, checkpoint=tmp_path / "c")
    assert (content(resumed), same_points) == (content(network), points)


def test_the_network_of_the_best_validation_point_is_kept(pairs):
    looks = []
    network, _, points = train(pairs, options=UNSTEADY, on_point=looks.append)
    best = min(looks, key=lambda look: look.validation_loss)
    assert best is not looks[-1]
    assert content(network) == content(best.network)
    assert [look.step for look in looks] == [point.step for point in points]


@pytest.mark.parametrize("other", ["seed", "options", "examples", "emotions"])
def test_the_checkpoint_of_another_training_is_refused(pairs, tmp_path, other):
    checkpoint = tmp_path / "checkpoint"
    few = pairs[:4]
    train_field(few, EMOTIONS, options=replace(SHORT, steps=1), seed=0, checkpoint=checkpoint)
    before = checkpoint.read_bytes()
    examples = few if other != "examples" else [replace(few[0], targets=few[0].targets + 1), *few[1:]]
    with pytest.raises(ModelError, match="another training") as caught:
        train_field(
            examples,
            EMOTIONS if other != "emotions" else [*EMOTIONS, "fear"],
            options=replace(SHORT, steps=1 if other != "options" else 2),
            seed=0 if other != "seed" else 1,
            checkpoint=checkpoint,
        )
    assert "\n" not in str(caught.value)
    assert checkpoint.read_bytes() == before


def test_a_damaged_checkpoint_is_refused(pairs, tmp_path):
    checkpoint = tmp_path / "checkpoint"
    checkpoint.write_bytes(b"not a safetensors file")
    with pytest.raises(ModelError, match="damaged") as caught:
        train(pairs, checkpoint=checkpoint)
    assert "\n" not in str(caught.value)


def test_what_a_corpus_never_shows_does_not_disturb(pairs):
    def shown(pair, value):
        features = pair.source.features.copy()
        features[:, 3] = value
        return replace(pair, source=replace(pair.source, features=features))

    constant = [shown(pair, 0.25) for pair in pairs]
    scale = Scale.of(constant)
    index = {name: number for number, name in enumerate(EMOTIONS)}
    usual, wild = (make_batch([shown(pairs[0], v)], index, scale, max_frames=50)["features"] for v in (0.25, 1e3))
    assert usual.equal(wild)
    assert usual.isfinite().all()


def test_few_speakers_are_all_trained_on(pairs):
    few = [pair for pair in pairs if pair.speaker in "abcd"]
    _, _, points = train(few, options=replace(SHORT, steps=6))
    assert np.isnan(points[-1].validation_loss)


def test_one_speaker_validates_and_teaches_nothing(pairs):
    options = replace(SHORT, steps=6)
    whole = content(train(pairs, options=options)[0])
    teachers = []
    for speaker in "abcdef":
        spoilt = [replace(pair, targets=pair.targets**2) if pair.speaker == speaker else pair for pair in pairs]
        if content(train(spoilt, options=options)[0]) != whole:
            teachers.append(speaker)
    assert len(teachers) == 5


def test_nothing_to_learn_from_is_reported():
    with pytest.raises(ModelError, match="no pair"):
        train([])


def test_a_training_that_explodes_says_so(pairs):
    broken = [replace(pair, targets=pair.targets * np.float32(np.nan)) for pair in pairs]
    with pytest.raises(ModelError, match="loss of nan"):
        train(broken)


def test_the_largest_network_is_small_enough_to_ship():
    network = PerformanceField(20, PRESETS["full"].size)
    assert sum(values.numel() * values.element_size() for values in network.state_dict().values()) < 10e6
