"""Tokens of bytes and what they spell."""

import pytest

from emoforge.base.errors import ModelError
from emoforge.ser.transcription.vocabulary import read_vocabulary

TOKENS = [
    "K",
    "ids",
    "Ġare",
    "Ã",
    "©",
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|notimestamps|>",
    "<|0.00|>",
]


def test_tokens_spell_bytes_and_marks_are_never_text():
    words = read_vocabulary("\n".join(TOKENS).encode() + b"\n", suppressed=[4], suppressed_first=[5])
    assert words.text([0, 1, 2, 5]) == "Kids are"
    # A letter beyond ASCII is two tokens here; half of it is no letter.
    assert words.text([3, 4]) == "é"
    assert words.text([3]) == "\N{REPLACEMENT CHARACTER}"
    assert (words.end, words.start, words.without_times) == (5, 6, 8)
    assert words.suppressed == (4, 6, 7, 8, 9)


def test_another_vocabulary_is_refused():
    with pytest.raises(ModelError, match="not the vocabulary of an English Whisper"):
        read_vocabulary(b"a\nb\n", suppressed=[], suppressed_first=[])
