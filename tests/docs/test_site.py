"""The site builds without a warning and without a network, and its reference pages hold all that they are about."""

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from tests.conftest import REPOSITORY

import emoforge
from emoforge import corpora
from emoforge.cli import app
from emoforge.dataset.manifest import SCHEMA
from emoforge.project.params import explain, load_params

#: Proxies that refuse everything: whoever asks for an address outside fails.
_NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")

_LOADED_FROM_ELSEWHERE = re.compile(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=[\"']?https?://[^\"'> ]+")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=REPOSITORY,
        env=os.environ | _NO_NETWORK | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_pages_load_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 10
    for page in pages:
        assert not _LOADED_FROM_ELSEWHERE.findall(page.read_text("utf-8")), page


def test_reference_of_the_params_has_every_key_with_its_meaning(site):
    text = _text(site / "reference" / "params")
    for line in explain(load_params(REPOSITORY / "params.yaml")):
        key, meaning = line.split(" = ", 1)[0], line.split(": ", 1)[1]
        assert key.rsplit(".", 1)[-1] in text
        assert meaning.replace("`", "") in text, key


def test_reference_of_the_command_line_has_every_command(site):
    text = _text(site / "reference" / "command-line")
    command = typer.main.get_command(app)
    for name, subcommand in command.commands.items():
        assert f"Usage: emoforge {name}" in text
        for below in getattr(subcommand, "commands", {}):
            assert f"Usage: emoforge {name} {below}" in text


def test_reference_of_the_manifest_has_every_column(site):
    text = _text(site / "reference" / "manifest")
    for field in SCHEMA:
        assert field.name in text
        assert field.metadata[b"description"].decode() in text


def test_the_page_on_corpora_says_what_every_label_becomes(site):
    text = _text(site / "how-to" / "own-corpus")
    for known in map(corpora.info, corpora.names()):
        assert known.name in text
        assert known.own or corpora.labels_line(known) in text, known.name


def test_reference_of_the_package_has_every_public_name(site):
    text = _text(site / "reference" / "python")
    for name in emoforge.__all__:
        assert f"emoforge.{name}" in text
    assert "Raises:" in text


def _text(folder: Path) -> str:
    """Return what a reader of a page sees."""
    return html.unescape(re.sub(r"<[^>]+>", "", (folder / "index.html").read_text("utf-8")))
