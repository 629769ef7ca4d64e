"""`emoforge audit` on real stores, spoilt in one way each."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.cli.test_cli import assert_one_line, emoforge
from tests.finished_set import clip_of, rewrite

from emoforge.base.audio import encode_flac
from emoforge.base.outputs import read_json, write_json
from emoforge.cli.sharing import audit_lines
from emoforge.dataset.clips import open_clips
from emoforge.sharing.audit import audit


def codes(report: dict) -> set[tuple[str, str]]:
    return {(finding["severity"], finding["code"]) for finding in report["findings"]}


def replace_audio(folder, change: dict[str, bytes]) -> None:
    """Put other FLAC bytes under the clip_ids of *change*."""
    for shard in folder.glob("*.parquet"):
        table = pq.read_table(shard)
        rows = table.to_pylist()
        for row in rows:
            row["audio"]["bytes"] = change.get(row["clip_id"], row["audio"]["bytes"])
        pq.write_table(table.from_pylist(rows, schema=table.schema), shard)


def test_a_sound_project_and_its_published_set_pass(finished_set):
    for report in (audit(root=finished_set.root), audit(finished_set.stage("publish"))):
        assert report["errors"] == 0, report["findings"]
        assert report["clips"] > 0
        assert audit_lines(report)[-1].startswith(f"audit: {report['clips']} clips, 0 errors")


def test_other_audio_and_broken_audio_are_found(own_set):
    store = open_clips(own_set.stage("ingest") / "clips")
    wrong, broken = (clip_of(own_set, emotion=emotion)["clip_id"] for emotion in ("neutral", "anger"))
    signal, rate = store.read(wrong)
    replace_audio(
        own_set.stage("ingest") / "clips", {wrong: encode_flac(signal[::-1], rate), broken: store.flac(broken)[:200]}
    )
    report = audit(root=own_set.root)
    found = {finding["code"]: finding["clip_ids"] for finding in report["findings"]}
    assert found["checksum"] == (wrong,)
    assert found["audio-unreadable"] == (broken,)


def test_a_noisy_copy_in_another_split_is_a_leak(own_set):
    train, test = (clip_of(own_set, split=split, origin="recorded") for split in ("train", "test"))
    signal, rate = open_clips(own_set.stage("ingest") / "clips").read(train["clip_id"])
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(signal) - 1600) * np.abs(signal).max()
    replace_audio(
        own_set.stage("ingest") / "clips",
        {test["clip_id"]: encode_flac((0.5 * signal[1600:] + noise).astype(np.float32), rate)},
    )
    report = audit(root=own_set.root)
    leak = next(finding for finding in report["findings"] if finding["code"] == "near-duplicate-leak")
    assert set(leak["clip_ids"]) == {train["clip_id"], test["clip_id"]}


def test_a_published_set_tells_leaks_through_recordings_it_does_not_hold(own_set):
    folder = own_set.stage("publish")

    def to_test(rows):
        style = clip_of(own_set, origin="converted")["style_clip_id"]
        speaker = next(row["speaker"] for row in rows if row["clip_id"] == style)
        for row in rows:
            if row["speaker"] == speaker:
                row["split"] = "test"

    rewrite(folder / "recordings.parquet", to_test)
    assert ("error", "style-split") in codes(audit(folder))
    (folder / "recordings.parquet").unlink()
    assert codes(audit(folder)) == {("warning", "lineage-unknown")}


def test_a_converter_that_learnt_from_who_tests_is_found_in_both(own_set):
    test = clip_of(own_set, split="test")["speaker"]
    provenance = own_set.stage("publish") / "provenance.json"
    values = read_json(provenance)
    values["converter"]["speakers"].append(test)
    write_json(provenance, values)

    def add(rows):
        rows.append(next(dict(row, clip_id="f" * 20, speaker=test, split="test") for row in rows))

    rewrite(own_set.stage("publish") / "recordings.parquet", add)
    assert ("error", "converter-leak") in codes(audit(own_set.stage("publish")))


@pytest.mark.slow
def test_the_status_says_whether_there_is_an_error(own_set, tmp_path):
    (own_set.stage("publish") / "recordings.parquet").unlink()
    result = emoforge("audit", own_set.stage("publish"), "--json", cwd=tmp_path)
    assert result.returncode == 0
    assert json.loads(result.stdout)["warnings"] == 1
    assert emoforge("audit", own_set.stage("publish"), "--strict", cwd=tmp_path).returncode == 1
    rewrite(own_set.manifest("select"), lambda rows: rows[0].update(audio_sha256="0" * 64))
    result = emoforge("audit", "-C", own_set.root, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stdout.splitlines()[0].startswith("error checksum: ")
    assert_one_line(emoforge("audit", tmp_path / "nowhere", cwd=tmp_path), "nowhere")
