import numpy as np
import pytest
from tests.dataset.test_manifest import converted, recorded

from emoforge.dataset import manifest
from emoforge.dataset.duplicates import Scanned, connected
from emoforge.sharing import checks

PROVENANCE = {"fit": {"corpora": ["demo"], "speakers": ["demo-a"], "licences": ["CC0-1.0"], "clips": 9}}


def rows(*found: dict):
    return manifest.from_rows([{"keep": True, "reject_reason": "", "converter_sha256": None} | row for row in found])


def codes(findings) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(found.severity, found.code, found.clip_ids) for found in findings]


def conversion(clip_id: str, **changes) -> dict:
    return converted(clip_id, "a", converter_sha256="fit") | changes


def scanned(clip_id: str, sha256: str = "0" * 64, problem: str = "") -> Scanned:
    return Scanned(clip_id, sha256, problem, np.empty(0, np.uint32))


def test_every_leak_is_told_with_its_clips():
    clips = rows(
        recorded("a"),
        recorded("other-split", split="test"),
        recorded("v", speaker="demo-v", split="val"),
        conversion("like-v", style_clip_id="v"),
        conversion("like-v-too", style_clip_id="v"),
        conversion("like-nobody", style_clip_id="nobody"),
        conversion("from-nothing", source_clip_id="nothing"),
        conversion("wrong-voice", speaker="demo-b"),
    )
    assert sorted(codes(checks.check_rows(clips))) == [
        ("error", "source-missing", ("from-nothing",)),
        ("error", "source-voice", ("wrong-voice",)),
        ("error", "speaker-split", ("other-split",)),
        ("error", "style-missing", ("like-nobody",)),
        ("error", "style-split", ("like-v", "like-v-too")),
    ]


def test_a_sound_manifest_has_no_finding():
    clips = rows(recorded("a"), recorded("v", speaker="demo-v", split="val"), conversion("x", style_clip_id="a"))
    assert not list(checks.check_rows(clips))
    assert not list(checks.check_converters(clips, PROVENANCE))
    assert not list(checks.check_licences(clips, PROVENANCE))
    assert not list(checks.check_withdrawn(clips, ["demo-z"]))


def test_a_converter_that_heard_a_test_speaker_is_an_error_and_an_unknown_one_a_warning():
    clips = rows(recorded("a"), recorded("t", speaker="demo-t", split="test"), conversion("x"))
    heard = {"fit": PROVENANCE["fit"] | {"speakers": ["demo-a", "demo-t"]}}
    (found,) = checks.check_converters(clips, heard)
    assert (found.severity, found.code, found.clip_ids) == ("error", "converter-leak", ("x",))
    assert "demo-t" in found.line
    assert codes(checks.check_converters(clips, {})) == [("warning", "converter-unknown", ("x",))]


def test_withdrawn_speakers_must_not_be_in_the_set():
    assert codes(checks.check_withdrawn(rows(recorded("a")), ["demo-a"])) == [("error", "withdrawn", ("a",))]


def test_audio_that_is_missing_broken_or_another_is_told_apart():
    clips = rows(*(recorded(name) for name in ("fine", "missing", "broken", "another")))
    found = checks.check_audio(clips, [scanned("fine"), scanned("broken", "", "corrupt"), scanned("another", "1" * 64)])
    assert codes(found) == [
        ("error", "audio-missing", ("missing",)),
        ("error", "audio-unreadable", ("broken",)),
        ("error", "checksum", ("another",)),
    ]


@pytest.mark.parametrize(
    ("other", "severity", "code"),
    [
        ({}, "warning", "duplicate"),
        ({"split": "test"}, "error", "duplicate-leak"),
        ({"emotion": "anger"}, "error", "duplicate-labels"),
        ({"speaker": "demo-b"}, "error", "duplicate-labels"),
    ],
)
def test_a_duplicate_is_as_bad_as_what_it_breaks(other, severity, code):
    clips = rows(recorded("a"), recorded("b", **other))
    groups = checks.same_audio([scanned("a"), scanned("b"), scanned("c", "1" * 64), scanned("d", "", "corrupt")])
    assert codes(checks.check_duplicates(clips, groups, near=False)) == [(severity, code, ("a", "b"))]


def test_what_is_alike_in_a_chain_is_one_group():
    assert connected([("a", "b"), ("c", "d"), ("b", "e")]) == [("a", "b", "e"), ("c", "d")]


@pytest.mark.parametrize(
    ("licences", "code"),
    [
        (["CC-BY-NC-SA-4.0"], "licence-weak"),
        (["CC-BY-ND-4.0"], "licence"),
        (["some terms"], "licence"),
    ],
)
def test_a_licence_below_its_sources_is_an_error(licences, code):
    provenance = {"fit": PROVENANCE["fit"] | {"licences": licences}}
    clips = rows(recorded("a"), conversion("x"), conversion("left-out", keep=False))
    assert codes(checks.check_licences(clips, provenance)) == [("error", code, ("x",))]


def test_share_alike_against_another_share_alike_conflicts():
    clips = rows(recorded("a", licence="ODbL-1.0"), conversion("x", licence="ODbL-1.0"))
    provenance = {"fit": PROVENANCE["fit"] | {"licences": ["CC-BY-SA-4.0"]}}
    (found,) = checks.check_licences(clips, provenance)
    assert (found.severity, found.code) == ("error", "licence")
    assert "conflict" in found.message


def test_classes_and_speakers_out_of_balance_are_warnings():
    clips = rows(
        *(recorded(f"n{index}") for index in range(8)),
        *(recorded(f"a{index}", emotion="anger") for index in range(2)),
        recorded("b", speaker="demo-b", emotion="anger"),
        recorded("t", speaker="demo-t", split="test"),
    )
    found = {(finding.code, finding.severity): finding.message for finding in checks.check_balance(clips)}
    assert found == {
        ("class-missing", "warning"): "split test has no clip of anger",
        ("speaker-balance", "warning"): "split train: 10 clips of speaker demo-a, 1 of demo-b",
    }


def test_a_finding_is_one_line_however_many_clips_it_names():
    finding = checks.Finding("checksum", "error", "900 clips differ", "pull again", tuple(map(str, range(900))))
    assert finding.line == "error checksum: 900 clips differ [0, 1, 2 and 897 more]; pull again"
