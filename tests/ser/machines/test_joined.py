"""An encoder and functionals together use whichever of the two tells, or both."""

import numpy as np
import pytest
from tests.ser.machines.test_layered import LABELS, NOBODY, spoken

from emoforge.ser.machines.joined import EncoderFunctionalsRecogniser
from emoforge.ser.machines.layered import ENROLLED, NOT_ENROLLED, EncoderId, EncoderRecogniser
from emoforge.ser.metrics import uar
from emoforge.ser.recogniser import Examples
from emoforge.ser.registry import load_recogniser


def two_sided(seed: int, speakers: str, *, told_by: str) -> Examples:
    """Clips whose emotion is told by the encoder, by functionals, or by neither without the other."""
    embedded = spoken(seed, speakers, 24)
    rng = np.random.default_rng(seed + 100)
    if told_by == "functionals":
        embedded.inputs[:] = rng.normal(0, 1, embedded.inputs.shape)
    if told_by == "both":
        embedded.inputs[embedded.labels == 1] = rng.normal(0, 1, embedded.inputs[embedded.labels == 1].shape)
        embedded.inputs[embedded.labels == 0] = rng.normal(0, 1, embedded.inputs[embedded.labels == 0].shape)
    functionals = rng.normal(0, 1, (len(embedded), 9))
    if told_by != "encoder":
        functionals[:, 0] += 6.0 * (embedded.labels if told_by == "functionals" else embedded.labels == 1)
    return Examples(list(zip(embedded.inputs, functionals, strict=True)), embedded.speakers, embedded.labels)


def answers_right(train: Examples, test: Examples, **options) -> tuple[EncoderFunctionalsRecogniser, float]:
    recogniser = EncoderFunctionalsRecogniser.fit(train, labels=LABELS, enrolment=NOBODY, **options)
    return recogniser, uar(test.labels, recogniser.predict_proba(test, NOBODY).argmax(axis=1))


@pytest.mark.parametrize("told_by", ["encoder", "functionals", "both"])
def test_whoever_tells_is_believed(told_by):
    recogniser, right = answers_right(two_sided(0, "abcdef", told_by=told_by), two_sided(1, "xyz", told_by=told_by))
    share = recogniser.joins[NOT_ENROLLED].share
    assert right > 0.85
    low, high = {"encoder": (0, 0.5), "functionals": (0.5, 1), "both": (0.1, 0.9)}[told_by]
    assert low <= share <= high


def test_a_share_of_0_is_the_encoder_alone():
    train, test = two_sided(0, "abcd", told_by="both"), two_sided(1, "xy", told_by="both")
    recogniser, _ = answers_right(train, test, share=0.0, layers=[2], ridge=0.5)
    embedded = [
        Examples(np.stack([pair[0] for pair in clips.inputs]), clips.speakers, clips.labels) for clips in (train, test)
    ]
    alone = EncoderRecogniser.fit(embedded[0], labels=LABELS, enrolment=NOBODY, layers=[2], ridge=0.5)
    np.testing.assert_allclose(
        recogniser.predict_proba(test, NOBODY), alone.predict_proba(embedded[1], NOBODY), atol=1e-9
    )


def test_enrolled_or_not_and_on_disk(tmp_path):
    train, test = two_sided(0, "abcd", told_by="both"), two_sided(1, "xy", told_by="both")
    neutral = [clips.take(clips.labels == 0) for clips in (train, test)]
    enrolment = Examples(
        [*neutral[0].inputs, *neutral[1].inputs], np.concatenate([clips.speakers for clips in neutral])
    )
    encoder = EncoderId("whisper-tiny.en", "cd" * 32)
    recogniser = EncoderFunctionalsRecogniser.fit(train, labels=LABELS, enrolment=enrolment, encoder=encoder)
    assert set(recogniser.joins) == {ENROLLED, NOT_ENROLLED}
    recogniser.save(tmp_path)
    loaded = load_recogniser(tmp_path)
    assert type(loaded) is EncoderFunctionalsRecogniser
    assert loaded.encoder == encoder
    assert loaded.labels == LABELS
    for asked in (enrolment, NOBODY):
        expected = recogniser.predict_proba(test, asked)
        np.testing.assert_allclose(expected.sum(axis=1), 1)
        np.testing.assert_array_equal(loaded.predict_proba(test, asked), expected)
    assert recogniser.predict_proba(test.take([]), NOBODY).shape == (0, 3)
