"""Word error rate between an English text and a transcription of it."""

import re
import unicodedata
from collections.abc import Sequence

# fmt: off
_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
# fmt: on
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
# Larger numbers are rare, and are read in more than one way.
_LARGEST = 999_999


def words_of(text: str) -> list[str]:
    """Return the words of an English text as they are compared: in small letters and without punctuation.

    Apostrophes go (``it's`` is ``its``), accents too, hyphens part words, and numbers up to 999,999 are spelt out, full
    hours as such. ``[noise]`` and ``(laughs)`` are no words.

    Example:
        >>> words_of("It's 11:00. Twenty-one cafés!")
        ['its', 'eleven', 'oclock', 'twenty', 'one', 'cafes']
    """
    text = re.sub(r"\[[^\]]*\]|\([^)]*\)", " ", text.lower())
    text = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    text = re.sub(r"\b(\d{1,2}):00\b", r"\1 oclock", text)
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = re.sub(r"\d+", lambda found: f" {_spelt(found[0])} ", text)
    text = re.sub(r"['`\u2019]", "", text)
    return re.findall(r"[a-z]+", text)


def word_error(reference: str, transcription: str) -> float:
    """Return how many words have to be put in, left out or replaced, over the words of *reference*.

    Args:
        reference: what should have been said.
        transcription: what was heard.

    Returns:
        0 (all words alike), 1 where as many words are wrong as there are; above it where many are put in. NaN where
        *reference* holds no word.
    """
    wanted, heard = words_of(reference), words_of(transcription)
    if not wanted:
        return float("nan")
    return edit_distance(wanted, heard) / len(wanted)


def edit_distance(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the fewest insertions, deletions and substitutions from *first* to *second*.

    Levenshtein 1966, by rows of the table of Wagner and Fischer 1974, "The string-to-string correction problem".
    """
    costs = list(range(len(second) + 1))
    for row, item in enumerate(first, start=1):
        diagonal, costs[0] = costs[0], row
        for column, other in enumerate(second, start=1):
            diagonal, costs[column] = (
                costs[column],
                min(diagonal + (item != other), costs[column] + 1, costs[column - 1] + 1),
            )
    return costs[-1]


def _spelt(digits: str) -> str:
    number = int(digits)
    if number > _LARGEST or (len(digits) > 1 and digits[0] == "0"):
        return " ".join(_UNITS[int(digit)] for digit in digits)
    if number >= 1000:
        thousands, rest = divmod(number, 1000)
        return f"{_spelt(str(thousands))} thousand {_spelt(str(rest)) if rest else ''}"
    if number >= 100:
        hundreds, rest = divmod(number, 100)
        return f"{_UNITS[hundreds]} hundred {_spelt(str(rest)) if rest else ''}"
    if number >= 20:
        tens, rest = divmod(number, 10)
        return f"{_TENS[tens - 2]} {_UNITS[rest] if rest else ''}"
    return _UNITS[number]
