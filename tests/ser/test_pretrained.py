"""A recogniser on the vectors of a tiny encoder that nobody has trained."""

import numpy as np
from tests.ser.tiny_encoders import spoken, tiny_encoder

from emoforge.ser.metrics import uar
from emoforge.ser.pretrained import PretrainedRecogniser, vector
from emoforge.ser.recogniser import Examples
from emoforge.ser.registry import load_recogniser


def test_voice_and_noise_are_told_apart_and_stay_so_on_disk(tmp_path):
    encoder = tiny_encoder("wav2vec2")
    rng = np.random.default_rng(3)
    names, labels, embeddings = [], [], []
    for speaker in "abcdefgh":
        for i in range(8):
            voiced = spoken(110.0 + 10 * i, i, 4_000)
            noise = (0.1 * rng.standard_normal(4_000)).astype(np.float32)
            embeddings.append(vector(encoder, noise if i % 2 else voiced, 16_000))
            names.append(speaker)
            labels.append(i % 2)
    clips = Examples(np.stack(embeddings), np.array(names), np.array(labels))
    known = np.isin(clips.speakers, list("abcdef"))
    nobody = Examples(np.zeros((0, 2 * encoder.width)), np.array([], dtype=str))
    recogniser = PretrainedRecogniser.fit(clips.take(known), labels=("sadness", "happiness"), enrolment=nobody)
    test = clips.take(~known)
    answers = recogniser.predict_proba(test, nobody)
    assert uar(test.labels, answers.argmax(axis=1)) > 0.9
    recogniser.save(tmp_path)
    loaded = load_recogniser(tmp_path)
    assert type(loaded) is PretrainedRecogniser
    np.testing.assert_array_equal(loaded.predict_proba(test, nobody), answers)
