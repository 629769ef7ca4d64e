"""Every line of the tutorial, README's lines for notebooks, and those of the page on Python, run as a reader would."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import REPOSITORY
from tests.docs.blocks import DOCS, Block, blocks_of

pytestmark = pytest.mark.slow

#: Who commits, since the tests know of no person.
_PERSON = {f"GIT_{who}_{what}": "test@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Reader:
    """Somebody who types block after block: the shell stays in its folder, and Python remembers its names."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.names: dict[str, object] = {}
        self._home = home

    def run(self, block: Block) -> None:
        if block.language == "python":
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(self.folder)
                exec(compile(block.code, "<page>", "exec"), self.names)
        else:
            self._type(block.code)

    def _type(self, code: str) -> None:
        where = self._home / "where"
        done = subprocess.run(
            ["bash", "-ec", f"{code}\npwd > {where}"],
            cwd=self.folder,
            env=os.environ
            | _PERSON
            | {
                "HOME": str(self._home),
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "DVC_NO_ANALYTICS": "1",
                "DVC_SITE_CACHE_DIR": str(self._home / "site"),
                "GIT_CONFIG_GLOBAL": os.devnull,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"
        self.folder = Path(where.read_text("utf-8").strip())


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """The project that the tutorial leaves."""
    reader = Reader(tmp_path_factory.mktemp("tutorial"), tmp_path_factory.mktemp("home"))
    for block in blocks_of(DOCS / "tutorial.md", "sh", "python"):
        reader.run(block)
    return reader.folder


@pytest.mark.timeout(1200)
def test_the_tutorial_makes_the_files_that_it_mentions(project):
    assert (project / "data" / "report" / "index.html").is_file()
    assert list((project / "exported").rglob("*.flac"))
    assert (project / "angry.wav").read_bytes() != (project / "as-here.wav").read_bytes()
    assert any((project.parent / "store").rglob("*"))


@pytest.mark.parametrize(
    "page", [REPOSITORY / "README.md", DOCS / "how-to" / "use-as-a-package.md"], ids=lambda p: p.stem
)
def test_python_of_a_page_runs_in_the_project(page, project, tmp_path):
    neutral = next((project / "data" / "demo").rglob("*_neutral_*.wav"))
    (project / "neutral.wav").write_bytes(neutral.read_bytes())
    reader = Reader(project, tmp_path)
    blocks = blocks_of(page, "python")
    assert blocks
    for block in blocks:
        reader.run(block)
