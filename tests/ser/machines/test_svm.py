import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.ser.machines.svm import SvmRecogniser
from emoforge.ser.metrics import ece, uar
from emoforge.ser.recogniser import Examples
from emoforge.ser.registry import load_recogniser

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
    assert weighted.temperature == pytest.approx(plain.temperature, rel=1e-6)


def test_confidence_is_that_of_strangers(clips):
    """The temperature comes from speakers left out in turn: their confidence is as high as they are right."""
    rng = np.random.default_rng(5)
    train = emotional_clips(rng, speakers=[f"t{i}" for i in range(12)])
    test = emotional_clips(rng, speakers=[f"x{i}" for i in range(12)])
    noisy = [
        Examples(part.inputs + rng.normal(0, 1.5, part.inputs.shape), part.speakers, part.labels)
        for part in (train, test)
    ]
    neutral = [part.take(part.labels == 0) for part in noisy]
    recogniser = SvmRecogniser.fit(noisy[0], labels=LABELS, enrolment=neutral[0])
    assert ece(noisy[1].labels, recogniser.predict_proba(noisy[1], neutral[1])) < 0.08


def test_one_speaker_is_enough_to_train(clips):
    train, test, enrolment = clips
    recogniser = SvmRecogniser.fit(train.take(train.speakers == "t0"), labels=LABELS, enrolment=enrolment)
    assert uar(test.labels, recogniser.predict_proba(test, enrolment).argmax(axis=1)) > 0.6


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


def test_more_threads_give_the_same_bytes():
    rng = np.random.default_rng(0)
    n, labels = 600, ["neutral", "anger", "sadness"]
    truth = np.arange(n) % 3
    train = Examples(
        rng.normal(size=(n, 200)) + truth[:, None], np.array(["a", "b", "c", "d"])[np.arange(n) // 150], truth
    )
    enrolment = train.take(truth == 0)
    fitted = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            recogniser = SvmRecogniser.fit(train, labels=labels, enrolment=enrolment)
            fitted.append((recogniser.machine.coefficients, recogniser.predict_proba(train, enrolment)))
    for one, two in zip(*fitted, strict=True):
        assert one.tobytes() == two.tobytes()


def test_the_most_probable_emotion_needs_no_temperature(clips, recogniser):
    train, test, enrolment = clips
    quick = SvmRecogniser.fit(train, labels=LABELS, enrolment=enrolment, calibrate=False)
    plain, uncalibrated = (model.predict_proba(test, enrolment) for model in (recogniser, quick))
    np.testing.assert_array_equal(plain.argmax(axis=1), uncalibrated.argmax(axis=1))
    assert ece(test.labels, plain) < ece(test.labels, uncalibrated)
