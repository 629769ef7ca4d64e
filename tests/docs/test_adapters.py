"""Adapters for external converters: the page's own runs, and those of other projects say what the protocol asks for."""

import argparse
import re
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import yaml
from tests.docs.blocks import DOCS, blocks_of
from tests.small_run import run_stages, small_params

from emoforge.dataset import manifest
from emoforge.project.external.hello import Hello

PAGE = DOCS / "how-to" / "external-converters.md"
ADAPTERS = DOCS / "how-to" / "adapters"
SUMS = {"code": "0" * 64, "weights": "1" * 64}


def adapter(name: str):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ADAPTERS)
        spec = spec_from_file_location(name, ADAPTERS / f"{name}.py")
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def stated(**more) -> argparse.Namespace:
    return argparse.Namespace(weights_licence="CC-BY-NC-4.0", outputs_licence="CC-BY-NC-4.0", **more)


@pytest.mark.parametrize(
    ("name", "options", "more"),
    [("seed_vc_v2", stated(languages=None), {"rate": 22050}), ("vevo_style", stated(), {})],
)
def test_what_an_adapter_says_of_itself_is_understood(name, options, more):
    said = adapter(name).hello(options, version="abc", **SUMS, **more)
    hello = Hello.model_validate({"type": "hello", "protocol": 1, **said})
    assert hello.needs.style
    assert hello.licences.outputs == "CC-BY-NC-4.0"


@pytest.mark.parametrize("name", ["seed_vc_v2", "vevo_style"])
def test_an_adapter_without_its_converter_says_so_in_one_line(name, tmp_path):
    weights = ["--weights", tmp_path] if name == "seed_vc_v2" else []
    licences = ["--weights-licence", "MIT", "--outputs-licence", "CC0-1.0"]
    done = subprocess.run(
        [sys.executable, ADAPTERS / f"{name}.py", "--root", tmp_path, *weights, *licences],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r".*: not there; --root must be the converter's clone.*\n", done.stderr)


def test_the_adapter_of_the_page_converts(small_corpus, tmp_path):
    (code,) = (block.code for block in blocks_of(PAGE, "python"))
    (tmp_path / "adapter.py").write_text(code, "utf-8")
    shutil.copy(ADAPTERS / "emoforge_adapter.py", tmp_path)
    external = {"command": [sys.executable, "adapter.py"], "control_clips": 2}
    params = small_params(small_corpus, fit_converter={"method": "external", "external": external})
    layout = run_stages(params, tmp_path, ("ingest", "prosody", "fit_converter", "convert"))
    clips = manifest.read(layout.manifest("convert"))
    assert set(clips["converter"].to_pylist()) == {"external:faster-or-slower"}
    assert set(clips["licence"].to_pylist()) == {"CC0-1.0"}
    assert not len(manifest.read(layout.rejected("convert"), schema=manifest.REJECTED_SCHEMA))


def test_params_of_the_page_are_understood(small_corpus):
    (block,) = blocks_of(PAGE, "yaml")
    values = yaml.safe_load(block.code)["fit_converter"]
    assert small_params(small_corpus, fit_converter=values).fit_converter.external.control_clips == 20


def test_a_checksum_changes_with_content_and_name_but_not_with_place(tmp_path):
    sha256_of = adapter("emoforge_adapter").sha256_of
    for place in ("one", "two"):
        (tmp_path / place / "below").mkdir(parents=True)
        (tmp_path / place / "below" / "weights.bin").write_bytes(b"weights")
        (tmp_path / place / "notes.txt").write_bytes(place.encode())
    one, two = Path(tmp_path / "one"), Path(tmp_path / "two")
    assert sha256_of(one, suffixes=(".bin",)) == sha256_of(two, suffixes=(".bin",))
    assert sha256_of(one) != sha256_of(two)
    (two / "below" / "weights.bin").rename(two / "weights.bin")
    assert sha256_of(one, suffixes=(".bin",)) != sha256_of(two, suffixes=(".bin",))
