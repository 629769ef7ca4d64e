import pyarrow as pa
import pytest

from emoforge.base.errors import ManifestError
from emoforge.dataset import manifest


def recorded(clip_id: str, **changes) -> dict:
    row = {
        "clip_id": clip_id,
        "corpus": "demo",
        "speaker": "demo-a",
        "gender": "female",
        "emotion": "neutral",
        "origin": "recorded",
        "split": "train",
        "enrolment": False,
        "duration_s": 1.0,
        "sampling_rate": 16000,
        "audio_sha256": "0" * 64,
        "licence": "CC0-1.0",
    }
    return row | changes


def converted(clip_id: str, source: str, **changes) -> dict:
    return recorded(clip_id, emotion="anger", origin="converted", source_clip_id=source) | changes


def test_round_trip_keeps_schema_order_and_bytes(tmp_path):
    table = manifest.from_rows([recorded("b"), recorded("a"), converted("c", "a")])
    manifest.write(table, tmp_path / "one.parquet")
    manifest.write(manifest.from_rows([converted("c", "a"), recorded("a"), recorded("b")]), tmp_path / "two.parquet")
    assert manifest.read(tmp_path / "one.parquet").equals(table)
    assert table.column("clip_id").to_pylist() == ["a", "b", "c"]
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_every_column_says_what_it_means():
    for field in manifest.SCHEMA:
        assert field.metadata[b"description"]
        if field.name.endswith(("_s", "_hz", "_st")) or field.name == "sampling_rate":
            assert field.metadata[b"unit"]


def test_ids_depend_on_every_part_and_on_nothing_else():
    assert manifest.make_clip_id("a", 1) == manifest.make_clip_id("a", 1)
    assert len({manifest.make_clip_id(*parts) for parts in [("a", 1), ("a", 2), ("b", 1), ("a1",), ("a", None)]}) == 5
    assert 0 <= manifest.seed_from("x", 3) < 2**63
    assert manifest.seed_from("x", 3) != manifest.seed_from("x", 4)


def test_a_manifest_of_an_earlier_version_is_read_and_one_of_a_later_version_is_not(tmp_path):
    table = manifest.from_rows([recorded("a")])
    earlier = table.drop_columns(["emotion_confidence_functionals"])
    manifest.write(earlier.replace_schema_metadata({"emoforge_schema": "1"}), tmp_path / "earlier.parquet")
    assert manifest.read(tmp_path / "earlier.parquet").equals(table)
    manifest.write(earlier, tmp_path / "damaged.parquet")
    with pytest.raises(ManifestError, match="'emotion_confidence_functionals' is missing"):
        manifest.read(tmp_path / "damaged.parquet")
    manifest.write(table.replace_schema_metadata({"emoforge_schema": "99"}), tmp_path / "later.parquet")
    with pytest.raises(ManifestError, match="schema 99, this emoforge reads schemas 1 and 2"):
        manifest.read(tmp_path / "later.parquet")


def test_a_missing_column_is_named(tmp_path):
    manifest.write(manifest.from_rows([recorded("a")]).drop_columns(["speaker"]), tmp_path / "table.parquet")
    with pytest.raises(ManifestError, match="'speaker' is missing") as caught:
        manifest.read(tmp_path / "table.parquet")
    assert "table.parquet" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_column_of_another_type_is_named():
    table = manifest.from_rows([recorded("a")])
    index = table.schema.get_field_index("duration_s")
    with pytest.raises(ManifestError, match="'duration_s' holds string, expected double"):
        manifest.conform(table.set_column(index, "duration_s", pa.array(["1"])))


def test_an_empty_value_where_one_is_needed():
    table = manifest.from_rows([recorded("a")])
    index = table.schema.get_field_index("speaker")
    with pytest.raises(ManifestError, match="'speaker' has empty values"):
        manifest.conform(table.set_column(index, "speaker", pa.array([None], pa.string())))


def test_files_that_are_no_manifest(tmp_path):
    with pytest.raises(ManifestError, match="dvc repro"):
        manifest.read(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("hello")
    with pytest.raises(ManifestError, match="not a Parquet file"):
        manifest.read(tmp_path / "text.parquet")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([recorded("a", emotion="hapiness")], "unknown emotion 'hapiness' .did you mean 'happiness'"),
        ([recorded("a"), recorded("a")], "'a' stands in 2 rows"),
        ([recorded("a"), recorded("b", split="test")], "'demo-a' is in the splits 'train' and 'test'"),
        ([converted("b", "a")], "no recorded source"),
        ([recorded("a"), converted("b", "a"), converted("c", "b")], "c has no recorded source"),
        ([recorded("a"), converted("b", "a", speaker="demo-b")], "labelled 'demo-b', its source is 'demo-a'"),
        (
            [recorded("a", split="test"), converted("b", "a", speaker="demo-b")],
            "b is in split 'train', its source in 'test'",
        ),
        (
            [recorded("a"), recorded("s", speaker="demo-b", split="test"), converted("b", "a", style_clip_id="s")],
            "leaks: the clip whose style it copies is a test clip",
        ),
    ],
)
def test_what_would_spoil_a_study_is_refused(rows, message):
    with pytest.raises(ManifestError, match=message) as caught:
        manifest.validate(manifest.from_rows(rows))
    assert "\n" not in str(caught.value)


def test_a_sound_manifest_passes():
    rows = [
        recorded("a"),
        recorded("s", speaker="demo-b", emotion="anger"),
        converted("b", "a", style_clip_id="s"),
        recorded("t", speaker="demo-c", split="test"),
    ]
    assert len(manifest.validate(manifest.from_rows(rows))) == 4


def test_a_column_is_filled_once():
    table = manifest.set_columns(manifest.from_rows([recorded("a")]), {"keep": [True]})
    assert table.column("keep").to_pylist() == [True]
    with pytest.raises(ManifestError, match="already filled"):
        manifest.set_columns(table, {"keep": [False]})
    with pytest.raises(ManifestError, match="unknown manifest column"):
        manifest.set_columns(table, {"kept": [True]})
