"""The stage publish, and its set in other formats, in a project or with nothing but the set."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from bench.read_back import READERS, differences, expected
from tests.cli.test_cli import assert_one_line, emoforge
from tests.sharing.conftest import CONVERTER, RESULTS, make_clips, make_table
from tests.small_run import small_params

from emoforge.base.audio import decode
from emoforge.base.errors import EmoforgeError
from emoforge.base.outputs import write_json
from emoforge.dataset import manifest
from emoforge.dataset.clips import shard_path, write_shard
from emoforge.project.layout import Layout
from emoforge.sharing import export as export_module
from emoforge.sharing.export import export
from emoforge.stages import publish

CLIPS = make_clips()
TABLE = make_table(CLIPS)


def params():
    return small_params(Path("nowhere"), ingest={"withdrawn": ["demo-F09"]}, fit_converter={"also": ["/srv/other"]})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project after select and evaluate."""
    layout = Layout(tmp_path / "project")
    manifest.write(TABLE, layout.manifest("select"))
    signals = [(clip_id, decode(flac)[0]) for clip_id, flac in CLIPS.items()]
    write_shard(shard_path(layout.stage("convert") / "clips", 0), signals, sampling_rate=16000)
    write_json_in(layout.stage("converter") / "provenance.json", CONVERTER)
    write_json_in(layout.metrics("evaluate"), RESULTS)
    (layout.root / "params.yaml").write_text(yaml.safe_dump(params().model_dump()), "utf-8")
    return layout.root


@pytest.fixture
def published(project: Path) -> Path:
    publish.run(params(), Layout(project))
    return project / "data" / "publish"


def write_json_in(path: Path, value: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, value)


def test_the_card_tells_results_and_params_but_no_names_and_places(project: Path, published: Path):
    card = (published / "README.md").read_text("utf-8")
    assert f"| synthetic | {RESULTS['synthetic']['uar']:.3f} |" in card
    assert "`fit_converter.method` | `transplant`" in card
    assert "`select.min_confidence`" in card
    everything = card + (published / "provenance.json").read_text("utf-8")
    assert "demo-F09" not in everything
    assert "/srv/other" not in everything
    Layout(project).metrics("evaluate").unlink()
    publish.run(params(), Layout(project))
    assert "Not measured for this version" in (published / "README.md").read_text("utf-8")


@pytest.mark.slow
def test_whoever_has_only_the_set_can_export_it(published: Path, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copytree(published, elsewhere / "pulled")
    result = emoforge("export", "--to", "webdataset", "--dataset", "pulled", "out/set", cwd=elsewhere)
    assert result.returncode == 0, result.stderr
    assert "24 clips as webdataset" in result.stdout
    wanted = expected(TABLE.filter(TABLE["keep"]), CLIPS.__getitem__)
    counts = differences(wanted, READERS["webdataset"](elsewhere / "out" / "set", manifest.SCHEMA))
    assert counts.pop("clips") == 24
    assert set(counts.values()) == {0}
    assert emoforge("export", "out2", cwd=elsewhere).returncode == 2


def test_an_export_of_the_same_format_is_a_whole_set_again(published: Path, tmp_path: Path):
    export(published, tmp_path / "first", to="parquet", shard_size="9kB")
    export(tmp_path / "first", tmp_path / "second", to="parquet", shard_size="9kB")
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    assert len(list((tmp_path / "first" / "data").iterdir())) > len(list((published / "data").iterdir()))
    for name in ("provenance.json", "recordings.parquet", "README.md"):
        assert (tmp_path / "first" / name).read_bytes() == (published / name).read_bytes()


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_clip_that_allows_no_derivatives_is_neither_published_nor_exported(project: Path, published: Path):
    before = contents(published)
    clip_id = TABLE.filter(TABLE["keep"])["clip_id"][3].as_py()
    terms = {"corpus": "tess", "licence": "CC-BY-NC-ND-4.0"}
    rows = [row | (terms if row["clip_id"] == clip_id else {}) for row in TABLE.to_pylist()]
    manifest.write(manifest.from_rows(rows), Layout(project).manifest("select"))
    said = (f"clip {clip_id} cannot be shared", "corpus 'tess'", "CC-BY-NC-ND-4.0, which allows no derivatives")
    assert_one_line(emoforge("publish", cwd=project), *said)
    assert contents(published) == before
    # A set that somebody put together by other means.
    for shard in (published / "data").glob("*.parquet"):
        table = pq.read_table(shard)
        rows = [row | (terms if row["clip_id"] == clip_id else {}) for row in table.to_pylist()]
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), shard)
    assert_one_line(emoforge("export", "--to", "flac", "out", cwd=project), *said)
    assert not (project / "out").exists()


def test_what_stands_in_the_way_is_one_clear_line(published: Path, tmp_path: Path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("keep me")
    out = tmp_path / "out"
    for arguments, options, said in (
        ((published, full), {"to": "flac"}, "full: not empty"),
        ((published, full / "mine.txt"), {"to": "flac"}, "mine.txt: a file"),
        ((published, out), {"to": "lhotze"}, "did you mean 'lhotse'"),
        ((published, out), {"to": "parquet", "shard_size": "many"}, "--shard-size 'many': not a size"),
        ((published, out), {"to": "parquet", "shard_size": "-5MB"}, "--shard-size '-5MB': not a size"),
        ((full, out), {"to": "flac"}, "no published set here"),
    ):
        with pytest.raises(EmoforgeError, match=said) as caught:
            export(*arguments, **options)
        assert "\n" not in str(caught.value)
    assert (full / "mine.txt").read_text() == "keep me"
    assert not out.exists()


def test_an_empty_folder_is_filled(published: Path, tmp_path: Path):
    (tmp_path / "out").mkdir()
    export(published, tmp_path / "out", to="flac")
    assert (tmp_path / "out" / "metadata.csv").is_file()


def test_a_killed_export_does_not_look_finished(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def killed(*arguments: object, **options: object) -> None:
        write_set(*arguments, **options)
        raise KeyboardInterrupt

    write_set = export_module.write_set
    out = tmp_path / "exports" / "out"
    monkeypatch.setattr(export_module, "write_set", killed)
    with pytest.raises(KeyboardInterrupt):
        export(published, out, to="flac")
    assert not out.exists()
    monkeypatch.undo()
    export(published, out, to="flac")
    assert [path.name for path in out.parent.iterdir()] == ["out"]
