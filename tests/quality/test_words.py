"""Word error has to forgive spelling and nothing else."""

import math

import pytest

from emoforge.quality.words import edit_distance, word_error, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Kids are talking, by the DOOR!", "kids are talking by the door"),
        ("It's 11 o'clock.", "its eleven oclock"),
        ("It\u2019s 11:00", "its eleven oclock"),
        ("[BLANK_AUDIO] (sighs) well-known", "well known"),
        (
            "Twenty-one: 21, 405, 1,200 and 70",
            "twenty one twenty one four hundred five one thousand two hundred and seventy",
        ),
        ("007", "zero zero seven"),
        ("Café déjà", "cafe deja"),
        ("...", ""),
    ],
)
def test_words_are_compared_without_their_dress(text, words):
    assert words_of(text) == words.split()


def test_word_error_counts_what_is_put_in_left_out_and_replaced():
    said = "Kids are talking by the door"
    assert word_error(said, "kids are talking by the door.") == 0
    assert word_error(said, "Dogs are talking by the door") == pytest.approx(1 / 6)
    assert word_error(said, "Kids are by the door") == pytest.approx(1 / 6)
    assert word_error(said, "") == 1
    assert word_error("No", "no no no no") == 3
    assert math.isnan(word_error("...", "kids"))


def test_edit_distance():
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("", "abc") == edit_distance("abc", "") == 3
