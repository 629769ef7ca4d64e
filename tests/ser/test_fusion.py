"""The fusion of machines on functionals and the network on frames."""

import numpy as np
import pytest

from emoforge.base.errors import ModelError
from emoforge.ser.fusion import FusionRecogniser
from emoforge.ser.logmel import N_ROWS
from emoforge.ser.metrics import uar
from emoforge.ser.recogniser import Examples
from emoforge.ser.registry import load_recogniser
from emoforge.ser.training import TrainingOptions

LABELS = ("neutral", "anger", "fear", "calm")
OPTIONS = TrainingOptions(n_steps=40, batch_size=16, n_crop_frames=40, validate_every=20, learning_rate=5e-3)


def two_sided(rng, speakers: str, n_clips: int = 24) -> Examples:
    """Functionals tell labels 0 and 1 from 2 and 3; frames tell even from odd. Only both together know the label."""
    inputs, names, labels = [], [], []
    for speaker in speakers:
        for i in range(n_clips):
            label = i % 4
            frames = rng.normal(0, 1, (N_ROWS, 50)).astype(np.float32)
            frames[10:30] += 2.0 * (label % 2)
            inputs.append((rng.normal(0, 1, 6) + 4.0 * (label // 2), frames))
            names.append(speaker)
            labels.append(label)
    return Examples(inputs, np.array(names), np.array(labels))


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    return two_sided(rng, "abcd"), two_sided(rng, "efgh"), Examples([], np.array([], dtype=str))


@pytest.fixture(scope="module")
def recogniser(clips):
    train, _, nobody = clips
    return FusionRecogniser.fit(train, labels=LABELS, enrolment=nobody, seed=1, options=OPTIONS)


def test_both_together_know_what_neither_knows_alone(clips, recogniser):
    _, test, nobody = clips
    functionals = Examples(np.stack([pair[0] for pair in test.inputs]), test.speakers)
    frames = Examples([pair[1] for pair in test.inputs], test.speakers)
    fused = recogniser.predict_proba(test, nobody)
    none = Examples(np.zeros((0, 6)), np.array([], dtype=str))
    alone = [
        recogniser.machines.predict_proba(functionals, none),
        recogniser.network.predict_proba(frames, nobody),
    ]
    np.testing.assert_allclose(fused.sum(axis=1), 1)
    assert uar(test.labels, fused.argmax(axis=1)) > 0.85
    assert max(uar(test.labels, answers.argmax(axis=1)) for answers in alone) < 0.7
    assert recogniser.predict_proba(test.take(np.array([], dtype=int)), nobody).shape == (0, 4)


def test_validation_calibrates_and_the_history_is_the_networks(clips):
    train, test, nobody = clips
    recogniser = FusionRecogniser.fit(train, labels=LABELS, enrolment=nobody, validation=test, seed=1, options=OPTIONS)
    plain = FusionRecogniser(recogniser.machines, recogniser.network)
    answers, uncalibrated = (model.predict_proba(test, nobody) for model in (recogniser, plain))
    rows = np.arange(len(test))
    assert np.log(answers[rows, test.labels]).mean() > np.log(uncalibrated[rows, test.labels]).mean()
    np.testing.assert_array_equal(answers.argmax(axis=1), uncalibrated.argmax(axis=1))
    assert [point["step"] for point in recogniser.history] == [20, 40]


def test_a_saved_fusion_answers_the_same_and_has_the_same_bytes(clips, recogniser, tmp_path):
    train, test, nobody = clips
    recogniser.save(tmp_path / "a")
    FusionRecogniser.fit(train, labels=LABELS, enrolment=nobody, seed=1, options=OPTIONS).save(tmp_path / "b")
    names = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(names) == 5
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    loaded = load_recogniser(tmp_path / "a")
    assert loaded.labels == LABELS
    np.testing.assert_array_equal(loaded.predict_proba(test, nobody), recogniser.predict_proba(test, nobody))


def test_a_part_that_is_missing_is_named(recogniser, tmp_path):
    recogniser.save(tmp_path)
    (tmp_path / "network" / "recogniser.json").unlink()
    with pytest.raises(ModelError, match=r"network.recogniser\.json: not found"):
        load_recogniser(tmp_path)
