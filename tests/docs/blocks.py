"""The pages of the documentation, and the blocks of code in them."""

import re
from pathlib import Path
from typing import NamedTuple

from tests.conftest import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
#: What one reads in the repository itself.
FRONT = [REPOSITORY / name for name in ("README.md", "RESULTS.md", "ARCHITECTURE.md", "CONTRIBUTING.md")]

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """A block of code.

    Attributes:
        language: ``sh``, ``python`` or another.
        code: its lines.
    """

    language: str
    code: str


def blocks_of(page: Path, *languages: str) -> list[Block]:
    """Return the blocks of *page* in these *languages*, in order."""
    found = [Block(*match) for match in _BLOCK.findall(page.read_text("utf-8"))]
    return [block for block in found if block.language in languages]
