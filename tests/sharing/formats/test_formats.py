"""Every format, read back by its own library and compared clip by clip; and as its card says."""

import json
import re
import sys
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bench.read_back import READERS, differences, expected, own_warnings_ignored

from emoforge.base.errors import EmoforgeError
from emoforge.sharing.formats.registry import FORMATS, format_named
from emoforge.sharing.formats.shards import publishable
from emoforge.sharing.published import read_published
from emoforge.sharing.writer import write_set


@pytest.fixture(scope="module", autouse=True)
def _offline(tmp_path_factory: pytest.TempPathFactory):
    """Keep ``datasets`` from the network and from the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_DATASETS_OFFLINE", "1")
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hf")))
        yield


@pytest.fixture(scope="module")
def written(table: pa.Table, clips: dict[str, bytes], provenance: dict, tmp_path_factory: pytest.TempPathFactory):
    """A folder a format: published once, and each format written from what the reader of published sets gives."""
    folders = {}
    published = tmp_path_factory.mktemp("published")
    write_set(table, clips.__getitem__, published, provenance=provenance, shard_bytes=9000)
    read = read_published(published)
    for name in FORMATS:
        folders[name] = tmp_path_factory.mktemp(name) / name
        folders[name].mkdir()
        write_set(read.table, read.audio, folders[name], provenance=read.provenance, to=name, shard_bytes=20_000)
    return folders


@pytest.mark.parametrize("name", FORMATS)
def test_its_own_library_gives_back_every_sample_and_every_field(name, written, table, clips):
    wanted = expected(table.filter(table.column("keep")), clips.__getitem__)
    assert {len(wanted), *(len(clip.fields) for clip in wanted.values())} == {24, len(table.schema)}
    counts = differences(wanted, READERS[name](written[name], table.schema))
    assert counts.pop("clips") == 24
    assert set(counts.values()) == {0}


def test_what_differs_is_counted(table, clips):
    wanted = expected(table, clips.__getitem__)
    first, second, third, *rest = wanted.values()
    louder = first._replace(samples=first.samples + (np.arange(len(first.samples)) < 2))
    renamed = second._replace(fields=second.fields | {"speaker": "somebody", "text": "else"})
    stranger = third._replace(fields=third.fields | {"clip_id": "unheard of"})
    assert differences(wanted, iter([louder, renamed, stranger, *rest])) == {
        "clips": 36, "missing_clips": 2, "differing_clips": 2, "differing_samples": 2, "differing_fields": 2,
    }  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_the_flac_bytes_pass_through(name, written, table, clips):
    kept = table.filter(table.column("keep")).column("clip_id").to_pylist()
    if name == "parquet":
        audio = read_published(written[name]).audio
        found = {clip_id: audio(clip_id) for clip_id in kept}
    elif name == "webdataset":
        found = {}
        for shard in (written[name] / "data").iterdir():
            with tarfile.open(shard) as tar:
                members = [member for member in tar.getmembers() if member.name.endswith(".flac")]
                found |= {Path(member.name).stem: tar.extractfile(member).read() for member in members}
    else:
        found = {path.stem: path.read_bytes() for path in written[name].rglob("*.flac")}
    assert found == {clip_id: clips[clip_id] for clip_id in kept}


@pytest.mark.parametrize("name", FORMATS)
def test_the_card_comes_along_and_its_example_runs(name, written, monkeypatch):
    card = (written[name] / "README.md").read_text("utf-8")
    assert card.startswith("---\npretty_name:")
    (example,) = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)
    monkeypatch.chdir(written[name])
    namespace: dict = {}
    with own_warnings_ignored():
        exec(example, namespace)
        clips = namespace.pop("clips")
        del clips
    assert namespace["emotion"] in ("anger", "happiness", "sadness")
    assert namespace["sampling_rate"] == 16000
    assert namespace["signal"].ndim == 1
    assert json.loads((written[name] / "provenance.json").read_text("utf-8"))["params"]["seed"] == 3


@pytest.mark.parametrize(("name", "most"), [("parquet", 9_000), ("webdataset", 30_000)])
def test_shards_are_bounded(name, most, table, clips, provenance, tmp_path):
    write_set(table, clips.__getitem__, tmp_path, provenance=provenance, to=name, shard_bytes=most)
    shards = sorted((tmp_path / "data").iterdir())
    train = [path.name for path in shards if path.name.startswith("train-")]
    assert len(train) > 1
    assert train == [
        f"train-{index:05d}-of-{len(train):05d}{FORMATS[name].shard_suffix}" for index in range(len(train))
    ]
    if name == "webdataset":
        assert max(path.stat().st_size for path in shards) <= most
    else:
        audio = [pq.read_table(path, columns=["audio"]).column("audio").to_pylist() for path in shards]
        assert max(sum(len(clip["bytes"]) for clip in shard) for shard in audio) <= most


@pytest.mark.parametrize("name", FORMATS)
def test_equal_clips_give_equal_bytes(name, written, table, clips, provenance, tmp_path):
    write_set(table, clips.__getitem__, tmp_path, provenance=provenance, to=name, shard_bytes=20_000)
    first, second = ({path.relative_to(top): path.read_bytes() for path in top.rglob("*") if path.is_file()}
                     for top in (written[name], tmp_path))  # fmt: skip
    assert first == second


def test_datasets_decodes_the_audio_column(written, clips, tmp_path):
    datasets = pytest.importorskip("datasets")
    try:
        import torchcodec  # noqa: F401
    except (ImportError, OSError, RuntimeError) as error:
        pytest.skip(f"torchcodec with FFmpeg is not here: {str(error).splitlines()[0]}")
    (row, *_) = datasets.load_dataset(str(written["parquet"]), split="train", cache_dir=str(tmp_path))
    samples = row["audio"].get_all_samples()
    wanted = expected(read_published(written["parquet"]).table, clips.__getitem__)[row["clip_id"]].samples
    assert samples.sample_rate == 16000
    assert (samples.data[0].numpy() * 32768 == wanted).all()


def test_our_own_importer_reads_the_audformat_database(written, table):
    from emoforge.corpora import registry

    recordings = {item.path.stem: item for item in registry.read("audformat-db", written["audformat"])}
    kept = {row["clip_id"]: row for row in table.to_pylist() if row["keep"]}
    assert recordings.keys() == kept.keys()
    for clip_id, row in kept.items():
        item = recordings[clip_id]
        assert (item.emotion, item.gender, item.language) == (row["emotion"], row["gender"], row["language"])
        assert item.speaker == row["speaker"]


def test_an_unknown_format_is_an_error():
    with pytest.raises(EmoforgeError, match=r"unknown format 'lhotze' \(did you mean 'lhotse'\?\)"):
        format_named("lhotze")


def test_a_package_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "lhotse", None)
    with pytest.raises(EmoforgeError, match=r"pip install 'emoforge\[lhotse\]'"):
        format_named("lhotse")
    assert format_named("flac")


def test_nothing_kept_or_an_unknown_split_is_an_error(table):
    import pyarrow.compute as pc

    with pytest.raises(EmoforgeError, match="no clip was kept"):
        publishable(table.filter(pc.invert(table.column("keep"))))
    index = table.column_names.index("split")
    with pytest.raises(EmoforgeError, match="unknown split 'dev'"):
        publishable(table.set_column(index, "split", pa.array(["dev"] * len(table))))
