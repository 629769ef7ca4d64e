import pytest

from emoforge.base.errors import EmoforgeError
from emoforge.dataset.labels import EMOTIONS, canonical_emotion


@pytest.mark.parametrize(
    ("given", "expected"), [("Happy", "happiness"), (" ANGRY ", "anger"), ("surprised", "surprise")]
)
def test_aliases(given, expected):
    assert canonical_emotion(given) == expected


def test_every_name_is_its_own_canonical_form():
    assert [canonical_emotion(name) for name in EMOTIONS] == list(EMOTIONS)


def test_an_unknown_name_is_answered_with_the_closest():
    with pytest.raises(EmoforgeError, match="did you mean 'sadness'"):
        canonical_emotion("sadnes")
