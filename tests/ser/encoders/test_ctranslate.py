"""Weights of CTranslate2, written here by its format."""

import numpy as np
import pytest
from tests.ser.tiny_encoders import ctranslate_bytes, ctranslate_whisper, spoken, tiny_encoder

from emoforge.base.errors import ModelError
from emoforge.ser.encoders.ctranslate import read_variables, whisper_weights
from emoforge.ser.encoders.encoder import Encoder
from emoforge.ser.encoders.kinds import build


def test_an_encoder_of_whisper_is_read():
    arguments, arrays = whisper_weights(read_variables(ctranslate_bytes(ctranslate_whisper()), prefix="encoder/"))
    read = Encoder("read", "", build("whisper", arguments=arguments, arrays=arrays))
    signal = spoken(120.0, 0)
    expected = tiny_encoder("whisper").embed([signal], 16_000)
    assert read.embed([signal], 16_000).tobytes() == expected.tobytes()


def test_weights_of_every_type_become_float32():
    values = np.array([[1, -2, 3], [40, -50, 60]])
    variables = {
        "half": values.astype(np.float16),
        "short": values.astype(np.int16),
        "rows": values.astype(np.int8),
        "rows_scale": np.array([2, 10], np.float32),
        "alone_scale": np.array([7], np.float32),
    }
    found = read_variables(ctranslate_bytes(variables))
    assert {array.dtype.name for array in found.values()} == {"float32"}
    np.testing.assert_array_equal(found["half"], values)
    np.testing.assert_array_equal(found["short"], values)
    np.testing.assert_array_equal(found["rows"], values / [[2], [10]])
    assert set(found) == {"half", "short", "rows", "alone_scale"}


WHOLE = ctranslate_bytes({"encoder/conv1/weight": np.ones((2, 3, 3), np.float32)})


@pytest.mark.parametrize("data", [b"", WHOLE[:10], WHOLE[:-1], b"RIFF" + WHOLE, WHOLE[:4] + b"\xff" * 40])
def test_other_files_are_one_line(data):
    with pytest.raises(ModelError, match=r"model\.bin: not weights in CTranslate2's format \(.+\); fetch") as caught:
        read_variables(data, name="model.bin")
    assert "\n" not in str(caught.value)


def test_another_version_or_model_is_one_line():
    with pytest.raises(ModelError, match="version 9, this reader knows 5, 6"):
        read_variables(ctranslate_bytes({}, version=9))
    other = bytearray(WHOLE)
    other[WHOLE.index(b"weight") + 7 + 13] = 5
    with pytest.raises(ModelError, match="encoder/conv1/weight has values of type 5, this reader knows 0, 1, 2, 3, 4"):
        read_variables(bytes(other))
    with pytest.raises(ModelError, match="not the weights of a Whisper encoder .*conv1/weight"):
        whisper_weights(read_variables(ctranslate_bytes({"other": np.ones(1, np.float32)})))
