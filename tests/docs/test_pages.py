"""What the pages name exists (links, commands, keys), and they stay short."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from tests.conftest import REPOSITORY
from tests.docs.blocks import FRONT, PAGES, blocks_of

from emoforge.cli import app
from emoforge.project.params import Params

#: Words that a page may have, so that it is read whole.
LONGEST = {"README.md": 900, "ARCHITECTURE.md": 1500}
_LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
#: What ends a command of the shell.
_ENDS = {"&&", "||", ";", "|", "done"}


def _named(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


@pytest.mark.parametrize(("name", "words"), LONGEST.items())
def test_a_page_is_short_enough_to_be_read_whole(name, words):
    found = [word for word in (REPOSITORY / name).read_text("utf-8").split() if re.search(r"\w", word)]
    assert len(found) <= words


@pytest.mark.parametrize("page", FRONT, ids=_named)
def test_links_within_the_repository_lead_somewhere(page):
    text = page.read_text("utf-8")
    headings = {_anchor(line) for line in text.splitlines() if line.startswith("#")}
    for target, anchor in _LINK.findall(text):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name}: {target}{anchor}"
    for anchor in re.findall(r"\]\(#([^)]+)\)", text):
        assert anchor in headings, f"{page.name}: #{anchor}"


def _anchor(heading: str) -> str:
    """Return what a heading is linked by, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("#").strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", [*FRONT, *PAGES], ids=_named)
def test_documented_commands_and_keys_exist(page):
    for block in blocks_of(page, "sh"):
        for words in _commands(block.code):
            if words[0] == "emoforge":
                _parse(words[1:])
            if words[:2] == ["dvc", "exp"]:
                for change in [words[i + 1] for i, word in enumerate(words) if word == "-S"]:
                    _look_up(change.split("=")[0].split("."))


def _commands(code: str) -> list[list[str]]:
    """Return the commands of a block, each as its words."""
    commands = []
    for line in code.splitlines():
        command: list[str] = []
        for word in [*shlex.split(line.removeprefix("    "), comments=True), ";"]:
            ends = word in _ENDS or word.endswith(";")
            if not ends or word not in _ENDS:
                command.append(word.rstrip(";"))
            if ends:
                commands.append([each for each in command if each != "do"])
                command = []
    return [command for command in commands if command]


def _parse(words: list[str]) -> None:
    """Parse a command line of emoforge without running it; a wrong one is a usage error of typer."""
    command, context = typer.main.get_command(app), None
    while True:
        context = command.make_context(words[0] if words else "emoforge", list(words), parent=context)
        if not hasattr(command, "commands"):
            return
        name, *words = words
        assert name in command.commands, f"no command {name!r}"
        command = command.commands[name]


def _look_up(key: list[str]) -> None:
    section = Params
    for name in key:
        assert name in section.model_fields, f"no key {'.'.join(key)!r}"
        section = section.model_fields[name].annotation
