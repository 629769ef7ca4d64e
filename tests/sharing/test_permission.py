"""Whose clips may be shared: the line names the clip, its corpus and the reason."""

import pyarrow as pa
import pytest
from tests.sharing.conftest import CONVERTER, set_column

from emoforge.base.errors import EmoforgeError
from emoforge.sharing.permission import permitted
from emoforge.sharing.writer import write_set


@pytest.mark.parametrize(
    ("corpus", "licence", "reason"),
    [
        ("tess", "CC-BY-NC-ND-4.0", "allows no derivatives"),
        ("urdu", "research use only", "does not allow sharing what is made from it"),
        ("table", "by agreement", "not known to allow sharing"),
        ("table", "CC0-1.0 AND CC-BY-ND-4.0", "allows no derivatives"),
    ],
)
def test_a_single_clip_that_grants_no_derivatives_is_named(
    table: pa.Table, tmp_path, provenance, corpus, licence, reason
):
    rows = table.to_pylist()
    odd = next(index for index, row in enumerate(rows) if row["keep"])
    rows[odd] |= {"corpus": corpus, "licence": licence}
    mixed = pa.Table.from_pylist(rows, schema=table.schema)
    with pytest.raises(EmoforgeError, match=rf"clip {rows[odd]['clip_id']} cannot be shared: .*'{corpus}'.*{reason}"):
        write_set(mixed, {}.__getitem__, tmp_path, provenance=provenance)
    assert list(tmp_path.iterdir()) == []


def test_a_rejected_clip_under_such_a_licence_hinders_nobody(table: pa.Table, clips, provenance, tmp_path):
    rows = table.to_pylist()
    odd = next(index for index, row in enumerate(rows) if not row["keep"])
    rows[odd] |= {"corpus": "tess", "licence": "CC-BY-NC-ND-4.0"}
    mixed = pa.Table.from_pylist(rows, schema=table.schema)
    write_set(mixed, clips.__getitem__, tmp_path, provenance=provenance)
    assert (tmp_path / "README.md").is_file()


def test_how_many_clips_are_concerned_is_said(table: pa.Table):
    with pytest.raises(EmoforgeError, match=r"\(and 35 more\)"):
        permitted(set_column(table, "licence", "CC-BY-ND-4.0"))


@pytest.mark.parametrize(("corpus", "licence"), [("tess", "CC-BY-NC-ND-4.0"), ("urdu", "research use only")])
def test_what_the_converter_learnt_from_counts(table: pa.Table, corpus: str, licence: str):
    with pytest.raises(EmoforgeError, match=f"the converter learnt from .*'{corpus}'"):
        permitted(table, CONVERTER | {"corpora": [corpus], "licences": [licence]})
    with pytest.raises(EmoforgeError, match="CC-BY-ND-4.0, which allows no derivatives"):
        permitted(table, CONVERTER | {"corpora": ["table"], "licences": ["CC-BY-ND-4.0"]})


def test_terms_that_contradict_each_other_are_refused(table: pa.Table):
    with pytest.raises(EmoforgeError, match="the two conflict"):
        permitted(set_column(table, "licence", "CC-BY-SA-4.0 AND CC-BY-NC-SA-4.0"))


def test_sources_are_the_clips_and_the_converters(table: pa.Table):
    found = permitted(table, CONVERTER | {"corpora": ["demo", "nemo"], "licences": ["CC0-1.0", "CC-BY-NC-SA-4.0"]})
    assert found.licence == "CC-BY-NC-SA-4.0"
    assert found.sources == (("demo", "CC0-1.0"), ("demo, nemo", "CC-BY-NC-SA-4.0"))
    assert found.corpora == ["demo", "nemo"]


def program(outputs: str) -> dict:
    return {
        "name": "seed-vc-v2",
        "version": "2.0",
        "checksums": {"code": "0" * 64, "weights": None},
        "licences": {"code": "GPL-3.0-only", "weights": None, "outputs": outputs},
        "deterministic": True,
    }


def test_the_licence_of_a_programs_outputs_holds_for_the_set(table: pa.Table):
    learnt = {"corpora": [], "speakers": [], "clips": 0, "licences": ["CC-BY-NC-4.0"]}
    found = permitted(table, learnt | {"program": program("CC-BY-NC-4.0")})
    assert found.licence == "CC-BY-NC-4.0"
    assert ("program seed-vc-v2", "CC-BY-NC-4.0") in found.sources


@pytest.mark.parametrize("outputs", ["CC-BY-NC-ND-4.0", "ask the authors"])
def test_outputs_that_may_not_be_shared_are_refused_by_the_programs_name(table: pa.Table, outputs: str):
    with pytest.raises(EmoforgeError, match=f"external converter seed-vc-v2 makes is under '{outputs}'"):
        permitted(table, {"corpora": [], "licences": [outputs], "program": program(outputs)})
