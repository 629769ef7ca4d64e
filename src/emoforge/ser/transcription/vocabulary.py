"""The vocabulary of Whisper: numbers of tokens → text."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from emoforge.base.errors import ModelError

_SPECIAL = {"end": "<|endoftext|>", "start": "<|startoftranscript|>", "without_times": "<|notimestamps|>"}


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by number, and those that are no text.

    Attributes:
        tokens: (n_tokens,) as byte-level byte-pair encoding spells them (Radford et al. 2019, "Language models are
            unsupervised multitask learners", section 2.2): every byte is one printable letter.
        end: what ends a text.
        start: what a text begins with.
        without_times: asks for no time stamps, which come after it in the vocabulary.
        suppressed: tokens that are never part of a text: signs that people do not speak, tasks, languages, times.
        suppressed_first: tokens that no text begins with: the blank and the end.
    """

    tokens: tuple[str, ...]
    end: int
    start: int
    without_times: int
    suppressed: tuple[int, ...]
    suppressed_first: tuple[int, ...]

    def text(self, numbers: Sequence[int]) -> str:
        """Return the text of tokens; bytes that are no UTF-8 become replacement characters."""
        letters = _bytes_of_letters()
        spelt = "".join(self.tokens[number] for number in numbers if number < self.end)
        return bytes(letters[letter] for letter in spelt).decode("utf-8", "replace")


def read_vocabulary(lines: bytes, *, suppressed: Sequence[int], suppressed_first: Sequence[int]) -> Vocabulary:
    """Return the vocabulary of an English-only Whisper.

    Args:
        lines: one token per line, in UTF-8.
        suppressed: tokens that the model's configuration never allows.
        suppressed_first: tokens that it does not allow at the beginning.

    Raises:
        ModelError: a special token is missing.
    """
    # Tokens hold no line feed, but other characters that str.splitlines takes for the end of a line.
    tokens = tuple(lines.decode("utf-8").removesuffix("\n").split("\n"))
    try:
        special = {name: tokens.index(token) for name, token in _SPECIAL.items()}
    except ValueError as error:
        raise ModelError(f"not the vocabulary of an English Whisper ({error}); install it again") from None
    marks = set(range(special["end"] + 1, len(tokens)))
    return Vocabulary(
        tokens,
        **special,
        suppressed=tuple(sorted(marks | set(suppressed))),
        suppressed_first=tuple(suppressed_first),
    )


@lru_cache(maxsize=1)
def _bytes_of_letters() -> dict[str, int]:
    """Printable bytes stand for themselves; the others, in their order, for the letters from U+0100 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}
