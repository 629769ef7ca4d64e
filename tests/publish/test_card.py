"""The card says what the table holds."""

import re
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from emoforge.errors import EmoforgeError
from emoforge.publish.card import write_card

PROVENANCE = {"corpora": ["demo"], "speakers": ["demo-F01", "demo-M01"], "licences": ["CC0-1.0"], "clips": 144}


def header_of(card: str) -> dict:
    return yaml.safe_load(card.split("---\n")[1])


def table_after(card: str, first_column: str) -> list[dict[str, str]]:
    """Return the rows of the Markdown table whose first column has that name."""
    lines = card[card.index(f"\n| {first_column} |") + 1 :].split("\n\n")[0].strip().splitlines()
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def set_column(table: pa.Table, name: str, value: object) -> pa.Table:
    index = table.column_names.index(name)
    return table.set_column(
        index, table.schema.field(name), pa.array([value] * len(table), table.schema.field(name).type)
    )


@pytest.fixture(scope="module")
def card(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("card")
    return write_card(folder, table, provenance=PROVENANCE).read_text("utf-8")


def test_header_for_the_hub(card: str):
    header = header_of(card)
    assert header["license"] == "cc0-1.0"
    assert header["language"] == ["en"]
    assert header["size_categories"] == ["n<1K"]
    assert header["annotations_creators"] == ["machine-generated"]
    assert header["source_datasets"] == ["extended|other-demo"]
    assert header["configs"][0]["data_files"] == [
        {"split": "train", "path": "data/train-*.parquet"},
        {"split": "validation", "path": "data/validation-*.parquet"},
    ]


@pytest.mark.parametrize("column", ["emotion", "gender", "speaker"])
def test_composition_counts_the_kept_clips(card: str, table: pa.Table, column: str):
    kept = table.filter(table.column("keep"))
    rows = {row[column]: row for row in table_after(card, column)}
    assert {value: int(row["clips"]) for value, row in rows.items()} == Counter(kept.column(column).to_pylist())
    for split, name in (("train", "train"), ("val", "validation")):
        part = kept.filter(pc.equal(kept.column("split"), split))
        counts = Counter(part.column(column).to_pylist())
        assert {value: int(row[name]) for value, row in rows.items() if int(row[name])} == counts


def test_yields_count_every_conversion(card: str, table: pa.Table):
    rows = {row["outcome"]: int(row["all"]) for row in table_after(card, "outcome")}
    assert rows == {"kept": pc.sum(table.column("keep")).as_py(), "min_confidence": 9}
    assert f"{len(table)} conversions were scored, {rows['kept']} were kept (66.7 %)" in card


def test_converter_is_named_with_checksum_and_training_data(card: str, table: pa.Table):
    (row,) = table_after(card, "converter")
    assert row["converter"] == "exemplar"
    assert row["SHA-256"].strip("`") == "ab" * 32
    assert int(row["clips"]) == pc.sum(table.column("keep")).as_py()
    assert "144 clips of 2 speakers of demo" in card


def test_misuse_and_consent_are_spoken_of(card: str):
    for heading in ("Intended use", "Not for", "Consent", "Licence"):
        assert f"\n## {heading}\n" in card


def test_consent_note_tells_people_from_synthesisers(card: str, table: pa.Table, tmp_path: Path):
    assert "no person was recorded" in card
    people = set_column(set_column(table, "corpus", "nemo"), "licence", "CC-BY-NC-SA-4.0")
    note = write_card(tmp_path, people).read_text("utf-8")
    assert "no person was recorded" not in note
    assert "If a speaker withdraws" in note


def test_licence_of_the_converters_data_counts(table: pa.Table, tmp_path: Path):
    provenance = PROVENANCE | {"corpora": ["demo", "nemo"], "licences": ["CC0-1.0", "CC-BY-NC-SA-4.0"]}
    card = write_card(tmp_path, table, provenance=provenance).read_text("utf-8")
    assert header_of(card)["license"] == "cc-by-nc-sa-4.0"
    assert {row["licence"] for row in table_after(card, "source")} == set(provenance["licences"])


@pytest.mark.parametrize(("corpus", "licence"), [("tess", "CC-BY-NC-ND-4.0"), ("urdu", "research use only")])
def test_sources_that_grant_no_derivatives_are_refused(table: pa.Table, tmp_path: Path, corpus: str, licence: str):
    foreign = set_column(set_column(table, "corpus", corpus), "licence", licence)
    with pytest.raises(EmoforgeError, match=f"corpus '{corpus}'"):
        write_card(tmp_path, foreign)
    with pytest.raises(EmoforgeError, match=f"corpus '{corpus}'"):
        write_card(tmp_path, table, provenance=PROVENANCE | {"corpora": [corpus], "licences": [licence]})
    assert list(tmp_path.iterdir()) == []


def test_nothing_kept_is_an_error(table: pa.Table, tmp_path: Path):
    with pytest.raises(EmoforgeError, match="no clip was kept"):
        write_card(tmp_path, table.filter(pc.invert(table.column("keep"))))
