"""Recognisers on layers: what they choose, who answers for whom, and what lies on disk."""

import numpy as np
import pytest

from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.ser.machines.layered import ENROLLED, NOT_ENROLLED, EncoderId, EncoderRecogniser
from emoforge.ser.metrics import uar
from emoforge.ser.recogniser import Examples, Pairs
from emoforge.ser.registry import load_recogniser

LABELS = ("neutral", "anger", "sadness")
N_LAYERS, N_VALUES = 5, 12


def spoken(seed: int, speakers: str, n_clips: int = 12, *, layer: int = 2, voices: float = 0.0) -> Examples:
    """Clips of which one layer alone tells the emotion; speakers' voices lie *voices* apart."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(0, 1, (len(speakers) * n_clips, N_LAYERS, N_VALUES)).astype(np.float32)
    labels = np.arange(len(inputs)) % len(LABELS)
    inputs[np.arange(len(inputs)), layer, labels] += 4.0
    names = np.repeat(list(speakers), n_clips)
    for name in speakers:
        voice = np.random.default_rng(ord(name)).normal(0, voices, (N_LAYERS, N_VALUES)) if voices else 0.0
        inputs[names == name] += np.float32(voice)
    return Examples(inputs, names, labels)


def neutral(clips: Examples) -> Examples:
    return clips.take(clips.labels == 0)


NOBODY = Examples([], np.array([], dtype=str))


@pytest.mark.parametrize("layer", [1, 3])
def test_the_layer_that_tells_is_chosen(layer):
    train, test = spoken(0, "abcdef", layer=layer), spoken(1, "xyz", layer=layer)
    recogniser = EncoderRecogniser.fit(train, labels=LABELS, enrolment=NOBODY)
    assert layer in recogniser.machines[NOT_ENROLLED].choice.layers
    assert len(recogniser.machines[NOT_ENROLLED].choice.layers) < N_LAYERS - 1
    assert uar(test.labels, recogniser.predict_proba(test, NOBODY).argmax(axis=1)) > 0.9


def test_speakers_without_enrolment_are_answered_by_the_machine_that_never_saw_any():
    """Voices lie further apart than emotions: distances from a neutral voice are another matter than the clips."""
    clips = spoken(0, "abcdefgh", 30, voices=3.0)
    enrolment = neutral(clips)
    train = clips.take(clips.labels > 0)
    test = spoken(1, "xy", 30, voices=3.0)
    recogniser = EncoderRecogniser.fit(train, labels=LABELS, enrolment=enrolment, layers=[2])
    alone = EncoderRecogniser.fit(train, labels=LABELS, enrolment=NOBODY, layers=[2])
    of_x = neutral(test).take(neutral(test).speakers == "x")
    answers = recogniser.predict_proba(test, of_x)
    rows = test.speakers == "x"
    np.testing.assert_array_equal(answers[~rows], alone.predict_proba(test.take(~rows), NOBODY))
    np.testing.assert_array_equal(answers[rows], recogniser.predict_proba(test.take(rows), of_x))
    acted = test.labels > 0
    assert uar(test.labels[rows & acted], answers[rows & acted].argmax(axis=1)) > 0.9
    assert set(recogniser.machines) == {ENROLLED, NOT_ENROLLED}
    assert set(alone.machines) == {NOT_ENROLLED}


def test_nobody_to_leave_out_takes_the_usual_layers_in_the_middle():
    recogniser = EncoderRecogniser.fit(spoken(0, "a", 30), labels=LABELS, enrolment=NOBODY)
    assert recogniser.machines[NOT_ENROLLED].choice.layers == (1, 2, 3)


def test_the_same_fit_has_the_same_bytes_and_answers_the_same_after_loading(tmp_path):
    train, test = spoken(0, "abcd"), spoken(1, "xy")
    enrolment = Examples(
        *(np.concatenate(both) for both in zip(*map(_columns, (neutral(train), neutral(test))), strict=True))
    )
    encoder = EncoderId("whisper-tiny.en", "ab" * 32)
    for folder in "ab":
        recogniser = EncoderRecogniser.fit(train, labels=LABELS, enrolment=enrolment, encoder=encoder)
        recogniser.save(tmp_path / folder)
    names = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(names) == 5
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    loaded = load_recogniser(tmp_path / "a")
    assert type(loaded) is EncoderRecogniser
    assert loaded.encoder == encoder
    for name, machine in recogniser.machines.items():
        assert loaded.machines[name].choice == machine.choice
    for asked in (enrolment, NOBODY):
        np.testing.assert_array_equal(loaded.predict_proba(test, asked), recogniser.predict_proba(test, asked))


def _columns(examples: Examples) -> tuple:
    return examples.inputs, examples.speakers


def test_embeddings_of_another_encoder_are_one_clear_line():
    recogniser = EncoderRecogniser.fit(spoken(0, "abc"), labels=LABELS, enrolment=NOBODY, layers=[2], ridge=0.5)
    others = Examples(np.zeros((2, 7, 4), dtype=np.float32), np.array(["x", "y"]))
    with pytest.raises(ModelError, match=r"reads embeddings of 5 x 12 values .*, not 7 x 4: ask it with the encoder"):
        recogniser.predict_proba(others, NOBODY)


@pytest.mark.parametrize(
    ("inputs", "layers", "message"),
    [
        (np.zeros((4, 6)), None, r"\(n_clips, n_layers, n_values\), not of shape \(4, 6\)"),
        (np.zeros((4, 5, 6)), [5], "layers .5.: the encoder has layers 0 to 4"),
        (np.zeros((4, 5, 6)), [], "layers .*: the encoder has layers 0 to 4"),
    ],
)
def test_inputs_and_layers_that_cannot_be_read(inputs, layers, message):
    clips = Examples(inputs, np.array(list("aabb")), np.array([0, 1, 0, 1]))
    with pytest.raises(EmoforgeError, match=message):
        EncoderRecogniser.fit(clips, labels=LABELS, enrolment=NOBODY, layers=layers)


def test_clips_to_pre_train_on_and_pairs_are_learnt_from():
    """With two speakers there is little to know; a foreign corpus and conversions tell the rest."""
    few, test = spoken(0, "ab", 3), spoken(1, "xyz", 30)
    more = spoken(2, "mnopq")
    options = {"labels": LABELS, "enrolment": NOBODY, "layers": [2], "ridge": 1.0}

    def of(**learning) -> float:
        recogniser = EncoderRecogniser.fit(few, **options, **learning)
        return uar(test.labels, recogniser.predict_proba(test, NOBODY).argmax(axis=1))

    sources = spoken(3, "mnopq", 36)
    pairs = Pairs(more, neutral(sources))
    assert of(before=more) > of() + 0.05
    assert of(pairs=pairs) > of() + 0.05
    assert of(before=more, kept=0.0) == pytest.approx(of())


def test_a_clip_of_weight_0_counts_for_nothing():
    train, test = spoken(0, "abcd"), spoken(1, "xy")
    wrong = Examples(train.inputs, train.speakers, (train.labels + 1) % 3)
    both = Examples(
        np.concatenate([train.inputs, wrong.inputs]),
        np.concatenate([train.speakers, wrong.speakers]),
        np.concatenate([train.labels, wrong.labels]),
        np.repeat([1.0, 0.0], len(train)),
    )
    answers = [
        EncoderRecogniser.fit(clips, labels=LABELS, enrolment=NOBODY).predict_proba(test, NOBODY)
        for clips in (train, both)
    ]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-9)


def test_values_that_are_the_same_in_all_clips_count_for_nothing():
    """The layers of a narrow encoder beside a wide one are filled up with zeros."""
    clips = [spoken(0, "abcdef"), spoken(1, "xyz")]
    wider = [Examples(np.pad(own.inputs, ((0, 0), (0, 0), (0, 5))), own.speakers, own.labels) for own in clips]
    answers = [
        EncoderRecogniser.fit(train, labels=LABELS, enrolment=NOBODY, layers=[2], ridge=0.5).scores(
            test, NOBODY, NOT_ENROLLED
        )
        for train, test in (clips, wider)
    ]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-4)


def test_of_a_deep_encoder_that_says_nothing_some_layers_are_read():
    rng = np.random.default_rng(0)
    clips = Examples(rng.normal(size=(36, 40, 4)).astype(np.float32), np.repeat(["a", "b", "c"], 12), np.arange(36) % 2)
    model = EncoderRecogniser.fit(clips, labels=("anger", "neutral"), enrolment=clips.take(np.zeros(0, dtype=int)))
    assert all(machine.choice.layers for machine in model.machines.values())
    assert np.isfinite(model.predict_proba(clips, clips.take(np.zeros(0, dtype=int)))).all()
