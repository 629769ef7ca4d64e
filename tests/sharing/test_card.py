"""The card says what the clips and their making say."""

import re
from collections import Counter
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml
from tests.sharing.conftest import CONVERTER, set_column

from emoforge.sharing.card import render_card
from emoforge.sharing.formats.registry import FORMATS
from emoforge.sharing.formats.shards import SPLIT_NAMES, publishable
from emoforge.sharing.permission import permitted


def header_of(card: str) -> dict:
    return yaml.safe_load(card.split("---\n")[1])


def table_after(card: str, first_column: str) -> list[dict[str, str]]:
    """Return the rows of the Markdown table whose first column has that name."""
    lines = card[card.index(f"\n| {first_column} |") + 1 :].split("\n\n")[0].strip().splitlines()
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


@pytest.fixture(scope="module")
def render(provenance: dict) -> Callable[..., str]:
    def render(table: pa.Table, *, to: str = "parquet", **changes: object) -> str:
        clips = publishable(table)
        made = provenance | changes
        return render_card(clips, made, permitted(clips, made["converter"]), FORMATS[to], title="A set")

    return render


@pytest.fixture(scope="module")
def card(render, table: pa.Table) -> str:
    return render(table)


def test_header_for_the_hub(card: str):
    header = header_of(card)
    assert header["license"] == "cc0-1.0"
    assert header["language"] == ["en"]
    assert header["size_categories"] == ["n<1K"]
    assert header["annotations_creators"] == ["machine-generated"]
    assert header["source_datasets"] == ["extended|other-demo"]
    assert header["configs"][0]["data_files"] == [
        {"split": name, "path": f"data/{name}-*.parquet"} for name in ("train", "validation", "test")
    ]


def test_the_hub_is_told_of_shards_only_where_there_are_some(render, table: pa.Table):
    paths = header_of(render(table, to="webdataset"))["configs"][0]["data_files"]
    assert [entry["path"] for entry in paths] == [f"data/{name}-*.tar" for name in SPLIT_NAMES.values()]
    assert "configs" not in header_of(render(table, to="lhotse"))


@pytest.mark.parametrize("column", ["emotion", "gender", "language", "corpus", "speaker"])
def test_composition_counts_the_kept_clips(card: str, table: pa.Table, column: str):
    kept = table.filter(table.column("keep"))
    rows = {row[column]: row for row in table_after(card, column)}
    assert {value: int(row["clips"]) for value, row in rows.items()} == Counter(kept.column(column).to_pylist())
    for split, name in SPLIT_NAMES.items():
        part = kept.filter(pc.equal(kept.column("split"), split))
        counts = Counter(part.column(column).to_pylist())
        assert {value: int(row[name]) for value, row in rows.items() if int(row[name])} == counts


def test_loading_with_datasets_says_what_it_takes_without_the_cast(card: str, render, table: pa.Table):
    loading = card[card.index("## Loading") : card.index("## Licence")]
    assert 'cast_column("audio", Audio(decode=False))' in loading
    assert "needs the package torchcodec" in loading
    assert "torchcodec" not in render(table, to="flac")


def test_clips_without_a_language_are_counted_too(render, table: pa.Table):
    assert table_after(render(set_column(table, "language", None)), "language")[0]["language"] == "unknown"


def test_yields_count_every_conversion(card: str, table: pa.Table):
    rows = {row["outcome"]: int(row["all"]) for row in table_after(card, "outcome")}
    assert rows == {"kept": pc.sum(table.column("keep")).as_py(), "min_confidence": 12}
    assert f"{len(table)} conversions were scored, {rows['kept']} were kept (66.7 %)" in card


def test_converter_is_named_with_checksum_training_data_and_params(card: str, table: pa.Table):
    (row,) = table_after(card, "converter")
    assert row["converter"] == "exemplar"
    assert row["SHA-256"].strip("`") == "ab" * 32
    assert int(row["clips"]) == pc.sum(table.column("keep")).as_py()
    assert "144 clips of 2 speakers of demo" in card
    params = {row["parameter"].strip("`"): row["value"].strip("`") for row in table_after(card, "parameter")}
    assert params == {"seed": "3", "select.min_confidence": "0.25", "select.balance": "equal"}


def test_results_with_and_without_the_set(card: str, render, table: pa.Table, provenance: dict):
    assert [(row["trained on"], row["UAR"]) for row in table_after(card, "trained on")] == [
        ("real", "0.500"), ("synthetic", "0.530"),
    ]  # fmt: skip
    assert "+0.030 (95 % interval +0.010 to +0.050, p 0.020): it helped here" in card
    for low, high, verdict in ((-0.02, 0.05, "neither a gain nor a loss"), (-0.05, -0.01, "it hurt here")):
        gain = provenance["results"]["gain"] | {"ci_low": low, "ci_high": high}
        assert verdict in render(table, results=provenance["results"] | {"gain": gain})
    unmeasured = render(table, results=None)
    assert "Not measured for this version" in unmeasured
    assert "| trained on |" not in unmeasured


def test_failures_are_counted_on_the_clips(card: str, render, table: pa.Table):
    judged = [row for row in table.to_pylist(maps_as_pydicts="strict") if row["keep"] and row["emotion_probabilities"]]
    for row in table_after(card, "target emotion"):
        own = [clip["emotion_probabilities"] for clip in judged if clip["emotion"] == row["target emotion"]]
        hits = [max(entries, key=entries.get) == row["target emotion"] for entries in own]
        assert (float(row["share recognised"]), int(row["clips judged"])) == (sum(hits) / len(hits), len(hits))
    medians = {row["score"]: float(row["median"]) for row in table_after(card, "score")}
    kept = table.filter(table.column("keep"))
    assert medians["naturalness"] == pytest.approx(pc.approximate_median(kept["naturalness"]).as_py(), abs=0.3)
    assert "a recogniser on functionals" in card
    twice = set_column(table, "emotion_confidence_functionals", 0.4)
    assert "a recogniser on what a pretrained encoder makes of a clip" in render(twice)
    unscored = table
    for name in ("naturalness", "emotion_confidence", "emotion_probabilities"):
        unscored = set_column(unscored, name, None)
    assert "| score |" not in render(unscored)
    assert "## Known failures" in render(unscored)


def test_misuse_and_consent_are_covered(card: str):
    for heading in ("Known failures", "Intended use", "Not for", "Consent", "Licence", "Loading"):
        assert f"\n## {heading}\n" in card


def test_consent_note_tells_people_from_synthesisers(card: str, render, table: pa.Table):
    assert "no person was recorded" in card
    people = set_column(set_column(table, "corpus", "nemo"), "licence", "CC-BY-NC-SA-4.0")
    note = render(people)
    assert "no person was recorded" not in note
    assert "If a speaker withdraws" in note


def test_licence_of_the_converters_data_counts(render, table: pa.Table):
    converter = CONVERTER | {"corpora": ["demo", "nemo"], "licences": ["CC0-1.0", "CC-BY-NC-SA-4.0"]}
    card = render(table, converter=converter)
    assert header_of(card)["license"] == "cc-by-nc-sa-4.0"
    assert {row["licence"] for row in table_after(card, "source")} == set(converter["licences"])
    assert "no person was recorded" not in card


def test_a_program_is_named_with_checksums_and_licences(render, table: pa.Table):
    program = {
        "name": "seed-vc-v2",
        "version": "2.0",
        "checksums": {"code": "c" * 64, "weights": "d" * 64},
        "licences": {"code": "GPL-3.0-only", "weights": "CC-BY-4.0", "outputs": "CC-BY-4.0"},
        "deterministic": False,
    }
    learnt = {"corpora": [], "speakers": [], "clips": 0, "licences": ["CC-BY-4.0"], "program": program}
    card = render(table, converter=learnt)
    assert (
        f"The converter is the program seed-vc-v2 2.0: code under GPL-3.0-only (SHA-256 `{'c' * 64}`), weights under "
        f"CC-BY-4.0 (SHA-256 `{'d' * 64}`), outputs under CC-BY-4.0."
    ) in card
    assert "the same inputs give the same bytes" not in card
    assert "| program seed-vc-v2 | CC-BY-4.0 |" in card
