import pytest
from tests.dataset.test_manifest import converted, recorded

from emoforge.base.errors import EmoforgeError
from emoforge.dataset import manifest
from emoforge.sharing.touched import known_speaker, touched_by

CLIPS = manifest.from_rows(
    [
        recorded("a1", speaker="demo-a"),
        recorded("a2", speaker="demo-a", emotion="anger"),
        recorded("b1", speaker="demo-b"),
        recorded("b2", speaker="demo-b", emotion="anger"),
        converted("a1-like-b2", "a1", speaker="demo-a", style_clip_id="b2"),
        converted("b1-like-a2", "b1", speaker="demo-b", style_clip_id="a2"),
        converted("b1-like-b2", "b1", speaker="demo-b", style_clip_id="b2"),
        converted("b1-plain", "b1", speaker="demo-b"),
    ]
)


def test_recordings_voice_and_style_of_a_speaker_are_told_apart():
    touched = touched_by("demo-a", CLIPS)
    assert touched.recorded == {"a1", "a2"}
    assert touched.voice == {"a1-like-b2"}
    assert touched.style == {"b1-like-a2"}
    assert touched.all == {"a1", "a2", "a1-like-b2", "b1-like-a2"}


def test_a_published_set_holds_no_recordings_but_is_told_of_them():
    published = CLIPS.filter([origin == "converted" for origin in CLIPS["origin"].to_pylist()])
    assert touched_by("demo-a", published).style == set()
    assert touched_by("demo-a", published, recordings={"a1", "a2"}).all == {"a1-like-b2", "b1-like-a2"}


def test_a_speaker_may_be_named_without_the_corpus():
    assert known_speaker("a", {"demo-a", "demo-b"}) == "demo-a"
    assert known_speaker("demo-b", {"demo-a", "demo-b"}) == "demo-b"


@pytest.mark.parametrize(("name", "near"), [("a", "demo-a, other-a"), ("demo-c", "demo-"), ("nobody", "demo-a")])
def test_an_unclear_name_is_refused_with_the_nearest(name, near):
    with pytest.raises(EmoforgeError, match=f"unknown speaker {name!r}") as caught:
        known_speaker(name, {"demo-a", "demo-b", "other-a"})
    assert near in str(caught.value)
