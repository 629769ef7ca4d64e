"""The vocabulary of emotions, genders and splits that every manifest uses.

Corpora name the same emotion in many ways ("happy", "Freude", "joy"); importers map their own codes to these
names, and people may type any alias on the command line.
"""

import difflib

from emoforge.base.errors import EmoforgeError

#: Every emotion a manifest may hold. ``other`` is for labels that no name here covers.
EMOTIONS = (
    "neutral",
    "calm",
    "happiness",
    "sadness",
    "anger",
    "fear",
    "disgust",
    "surprise",
    "contempt",
    "boredom",
    "excitement",
    "frustration",
    "amusement",
    "sleepiness",
    "anxiety",
    "apology",
    "assertiveness",
    "concern",
    "encouragement",
    "other",
)

NEUTRAL = "neutral"
GENDERS = ("female", "male", "other", "unknown")
SPLITS = ("train", "val", "test")
ORIGINS = ("recorded", "converted")

_ALIASES = {
    "afraid": "fear",
    "amused": "amusement",
    "angry": "anger",
    "anxious": "anxiety",
    "apologetic": "apology",
    "assertive": "assertiveness",
    "bored": "boredom",
    "concerned": "concern",
    "disgusted": "disgust",
    "encouraging": "encouragement",
    "excited": "excitement",
    "fearful": "fear",
    "frustrated": "frustration",
    "happy": "happiness",
    "joy": "happiness",
    "joyful": "happiness",
    "pleasant_surprise": "surprise",
    "sad": "sadness",
    "scared": "fear",
    "sleepy": "sleepiness",
    "surprised": "surprise",
}


def canonical_emotion(name: str) -> str:
    """Return the vocabulary's name for *name*, which may be an alias in any case.

    Raises:
        EmoforgeError: the name is neither in the vocabulary nor an alias of one that is.
    """
    key = _key(name)
    key = _ALIASES.get(key, key)
    if key not in EMOTIONS:
        closest = closest_emotion(name)
        hint = f" (did you mean {closest!r}?)" if closest else ""
        raise EmoforgeError(f"unknown emotion {name!r}{hint}; allowed: {', '.join(EMOTIONS)}")
    return key


def closest_emotion(name: str) -> str | None:
    """Return the emotion whose name or alias is spelt most like *name*; None where nothing is near.

    >>> closest_emotion("hapy")
    'happiness'
    """
    near = difflib.get_close_matches(_key(name), [*EMOTIONS, *_ALIASES], n=1)
    return _ALIASES.get(near[0], near[0]) if near else None


def _key(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")
