import numpy as np
import pytest
from sklearn.svm import SVC

from emoforge.errors import EmoforgeError, ModelError
from emoforge.ser.metrics import uar
from emoforge.ser.recogniser import Examples, load_recogniser
from emoforge.ser.svm import RbfSvm, SvmRecogniser

LABELS = ("neutral", "anger", "sadness")


def emotional_clips(rng, *, speakers, n_clips=12, n_features=6, offset=4.0):
    """Clips whose features are a speaker's own voice plus an emotion; the voice is the larger."""
    emotions = np.eye(3, n_features) * 2.5
    emotions[0] = 0
    inputs, names, labels = [], [], []
    for speaker in speakers:
        voice = rng.normal(0, offset, n_features)
        for label in range(3):
            inputs.append(voice + emotions[label] + rng.normal(0, 0.6, (n_clips, n_features)))
            names += [speaker] * n_clips
            labels += [label] * n_clips
    return Examples(np.concatenate(inputs), np.array(names), np.array(labels))


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    train = emotional_clips(rng, speakers=[f"t{i}" for i in range(8)])
    test = emotional_clips(rng, speakers=[f"x{i}" for i in range(4)])
    enrolled = np.zeros(len(test), dtype=bool)
    for speaker in np.unique(test.speakers):
        enrolled[np.flatnonzero((test.speakers == speaker) & (test.labels == 0))[:2]] = True
    neutral = train.take(train.labels == 0)
    enrolment = Examples(
        np.concatenate([neutral.inputs, test.inputs[enrolled]]),
        np.concatenate([neutral.speakers, test.speakers[enrolled]]),
    )
    return train, test.take(~enrolled), enrolment


@pytest.fixture(scope="module")
def recogniser(clips):
    train, _, enrolment = clips
    return SvmRecogniser.fit(train, labels=LABELS, enrolment=enrolment)


@pytest.mark.parametrize("n_classes", [2, 3, 8])
def test_decisions_equal_scikit_learns(n_classes):
    rng = np.random.default_rng(n_classes)
    labels = np.arange(120) % n_classes
    features = rng.normal(size=(120, 9)) + labels[:, None] * 0.3
    weights = rng.uniform(0.1, 2.0, 120)
    ours = RbfSvm.fit(features, labels, weights, c=3.0, gamma=0.1)
    theirs = SVC(C=3.0, gamma=0.1, decision_function_shape="ovo").fit(features, labels, sample_weight=weights)
    new = rng.normal(size=(40, 9))
    expected = theirs.decision_function(new).reshape(40, -1)
    np.testing.assert_allclose(ours.decision_function(new), expected, atol=1e-6)


def test_two_classes_are_scored_the_right_way_round():
    rng = np.random.default_rng(3)
    labels = np.arange(60) % 2
    features = rng.normal(size=(60, 4)) + labels[:, None] * 4
    svm = RbfSvm.fit(features, labels, np.ones(60), c=3.0, gamma=0.25)
    assert (svm.scores(features).argmax(axis=1) == labels).mean() > 0.95


def test_emotions_of_new_speakers_are_recognised_after_enrolment_only(clips, recogniser):
    _, test, enrolment = clips
    calibrated = recogniser.predict_proba(test, enrolment)
    nobody = Examples(np.zeros((0, 6)), np.array([], dtype=str))
    plain = recogniser.predict_proba(test, nobody)
    np.testing.assert_allclose(calibrated.sum(axis=1), 1)
    assert uar(test.labels, calibrated.argmax(axis=1)) > 0.85
    assert uar(test.labels, plain.argmax(axis=1)) < uar(test.labels, calibrated.argmax(axis=1)) - 0.2


def test_a_saved_model_predicts_the_same_and_has_the_same_bytes(clips, recogniser, tmp_path):
    train, test, enrolment = clips
    recogniser.save(tmp_path / "a")
    SvmRecogniser.fit(train, labels=LABELS, enrolment=enrolment).save(tmp_path / "b")
    for name in ("recogniser.json", "recogniser.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    loaded = load_recogniser(tmp_path / "a")
    assert loaded.labels == LABELS
    np.testing.assert_array_equal(loaded.predict_proba(test, enrolment), recogniser.predict_proba(test, enrolment))


def test_clips_of_weight_zero_teach_nothing(clips):
    train, test, enrolment = clips
    wrong = Examples(train.inputs, train.speakers, (train.labels + 1) % 3)
    both = Examples(
        np.concatenate([train.inputs, wrong.inputs]),
        np.concatenate([train.speakers, wrong.speakers]),
        np.concatenate([train.labels, wrong.labels]),
        np.concatenate([np.ones(len(train)), np.zeros(len(wrong))]),
    )
    plain = SvmRecogniser.fit(train, labels=LABELS, enrolment=enrolment, validation=test)
    weighted = SvmRecogniser.fit(both, labels=LABELS, enrolment=enrolment, validation=test)
    np.testing.assert_allclose(weighted.predict_proba(test, enrolment), plain.predict_proba(test, enrolment), atol=1e-9)


def test_clips_of_weight_zero_move_no_confidence(clips):
    train, _, enrolment = clips
    weightless = train.take(train.speakers == "t0")
    both = Examples(
        np.concatenate([train.inputs, weightless.inputs]),
        np.concatenate([train.speakers, ["nobody"] * len(weightless)]),
        np.concatenate([train.labels, weightless.labels]),
        np.concatenate([np.ones(len(train)), np.zeros(len(weightless))]),
    )
    plain, weighted = (SvmRecogniser.fit(examples, labels=LABELS, enrolment=enrolment) for examples in (train, both))
    assert weighted.temperature == plain.temperature


def test_left_out_speakers_are_strangers_to_the_temperature():
    # With two speakers each fit knows one. How far the other's voice lies from theirs is gone once it is enrolled.
    rng = np.random.default_rng(5)
    train = emotional_clips(rng, speakers=["a", "b"])
    noisy = train.inputs + rng.normal(0, 1.5, train.inputs.shape)

    def temperature(offset):
        inputs = noisy + offset * (train.speakers == "b")[:, None]
        neutral = train.labels == 0
        examples = Examples(inputs, train.speakers, train.labels)
        return SvmRecogniser.fit(examples, labels=LABELS, enrolment=examples.take(neutral)).temperature

    assert temperature(0.0) == pytest.approx(temperature(-3.0), rel=1e-6)


def test_a_label_without_training_clips_is_never_the_answer(clips):
    train, test, enrolment = clips
    recogniser = SvmRecogniser.fit(train, labels=(*LABELS, "disgust"), enrolment=enrolment)
    assert recogniser.predict_proba(test, enrolment)[:, 3].max() < 1e-3


def test_one_emotion_is_not_enough(clips):
    train, _, enrolment = clips
    with pytest.raises(EmoforgeError, match="at least 2 emotions"):
        SvmRecogniser.fit(train.take(train.labels == 1), labels=LABELS, enrolment=enrolment)
    with pytest.raises(EmoforgeError, match="allowed: 0 to 1"):
        SvmRecogniser.fit(train, labels=LABELS[:2], enrolment=enrolment)


def test_an_unreadable_model_names_its_file(recogniser, tmp_path):
    with pytest.raises(ModelError, match=r"recogniser\.json: not found"):
        load_recogniser(tmp_path)
    recogniser.save(tmp_path)
    (tmp_path / "recogniser.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="damaged"):
        load_recogniser(tmp_path)
    (tmp_path / "recogniser.json").write_text('{"kind": "svn", "version": 1}')
    with pytest.raises(ModelError, match="unknown recogniser 'svn' \\(did you mean 'svm'"):
        load_recogniser(tmp_path)
    (tmp_path / "recogniser.json").write_text('{"kind": "svm", "version": 99}')
    with pytest.raises(ModelError, match="version 99"):
        load_recogniser(tmp_path)
