"""The vocabulary of emotions, genders and splits that every manifest uses.

Corpora name the same emotion in many ways ("happy", "Freude", "joy"); importers map their own codes to these
names, and people may type any alias on the command line.
"""

from emoforge.base.errors import EmoforgeError, unknown_value

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
    key = name.strip().lower().replace(" ", "_").replace("-", "_")
    key = _ALIASES.get(key, key)
    if key not in EMOTIONS:
        raise EmoforgeError(unknown_value("emotion", name, EMOTIONS))
    return key
