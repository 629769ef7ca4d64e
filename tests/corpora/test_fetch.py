"""Downloads from a real server on this machine that misbehaves in the ways real ones do."""

import hashlib
import re

import pytest
from tests.corpora.downloads import CUT, FILES, files_below, get, tarred, zipped

from emoforge import corpora
from emoforge.base.errors import CorpusError
from emoforge.corpora.fetch import fetch
from emoforge.corpora.recording import Download


def test_fetch_unpacks_and_a_second_call_asks_nobody(server, tmp_path):
    root = get(server, tmp_path / "corpora")
    assert root == tmp_path / "corpora" / "ravdess"
    assert files_below(root) == FILES
    assert [path.name for path in root.parent.iterdir()] == ["ravdess"]
    assert [recording.speaker for recording in corpora.read("ravdess", root)] == ["07"]
    asked = len(server.ranges)
    assert get(server, tmp_path / "corpora") == root
    assert len(server.ranges) == asked == 1


def test_progress_tells_every_byte_once(server, tmp_path):
    told = []
    server.cuts = 1
    get(server, tmp_path, progress=lambda *args: told.append(args))
    size = len(server.data)
    assert told[0] == (0, size, "speech.zip")
    assert told[-1] == (size, size, "speech.zip")
    assert [have for have, _, _ in told] == sorted(have for have, _, _ in told)


def test_the_bar_is_silent_where_nobody_watches(server, tmp_path, capsys):
    fetch("ravdess", tmp_path, downloads=(server.download(),))
    assert capsys.readouterr() == ("", "")


def test_dropped_connections_go_on_where_they_stopped(server, tmp_path):
    server.cuts = 3
    assert files_below(get(server, tmp_path)) == FILES
    assert server.ranges == [None, *(f"bytes={n * CUT}-" for n in (1, 2, 3))]


def test_a_download_that_makes_progress_is_never_given_up(server, tmp_path):
    server.cuts, server.cut_bytes = 11, CUT // 2
    assert files_below(get(server, tmp_path)) == FILES
    assert len(server.ranges) == 12


def test_a_later_call_goes_on_with_the_piece_of_an_earlier_one(server, tmp_path):
    server.cuts, server.ranges_allowed = 5, False
    with pytest.raises(CorpusError, match=rf"given up after 5 attempts \(.*{CUT} bytes are kept, call again"):
        get(server, tmp_path)
    assert not (tmp_path / "ravdess").exists()
    server.ranges_allowed, server.cuts = True, 0
    server.ranges.clear()
    assert files_below(get(server, tmp_path)) == FILES
    assert server.ranges == [f"bytes={CUT}-"]


def test_a_piece_is_not_trusted_when_nothing_can_check_it(server, tmp_path):
    item = server.download(exact=False)
    (tmp_path / ".ravdess-arriving").mkdir()
    (tmp_path / ".ravdess-arriving" / "speech.zip.part").write_bytes(b"yesterday's")
    assert files_below(get(server, tmp_path, item)) == FILES
    assert server.ranges == [None]


def test_a_server_that_ignores_ranges_is_started_over(server, tmp_path):
    server.cuts, server.ranges_allowed = 1, False
    assert files_below(get(server, tmp_path)) == FILES
    assert server.ranges == [None, f"bytes={CUT}-"]


def test_a_server_that_sends_another_range_is_started_over(server, tmp_path):
    server.cuts, server.wrong_range = 1, True
    assert files_below(get(server, tmp_path)) == FILES
    assert server.ranges == [None, f"bytes={CUT}-", None]


def test_a_complete_download_is_recognised_by_status_416(server, tmp_path):
    (tmp_path / ".ravdess-arriving").mkdir()
    (tmp_path / ".ravdess-arriving" / "speech.zip.part").write_bytes(server.data)
    assert files_below(get(server, tmp_path)) == FILES
    assert server.ranges == [f"bytes={len(server.data)}-"]


def test_a_piece_longer_than_the_file_is_started_over(server, tmp_path):
    (tmp_path / ".ravdess-arriving").mkdir()
    (tmp_path / ".ravdess-arriving" / "speech.zip.part").write_bytes(server.data + b"more")
    assert files_below(get(server, tmp_path)) == FILES
    assert server.ranges[-1] is None


def test_busy_servers_are_asked_again_and_refusals_are_not(server, tmp_path):
    server.statuses = [503, 429, 500]
    assert files_below(get(server, tmp_path)) == FILES
    server.statuses = [404]
    server.ranges.clear()
    with pytest.raises(CorpusError, match="answers with status 404"):
        get(server, tmp_path / "other")
    assert len(server.ranges) == 1


def test_no_server_at_all(tmp_path, server):
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(CorpusError, match="given up after 5 attempts"):
        get(server, tmp_path)


def test_corrupt_downloads_are_deleted_and_reported(server, tmp_path):
    item = server.download()
    good, server.data = server.data, server.data[:500] + b"?" + server.data[501:]
    with pytest.raises(CorpusError, match="its md5 is .*, not .*; deleted"):
        get(server, tmp_path, item)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    server.data = good
    assert files_below(get(server, tmp_path, item)) == FILES


def test_files_of_wrong_size_are_deleted_and_reported(server, tmp_path):
    item = server.download()
    server.data += b"more"
    with pytest.raises(CorpusError, match=f"{item.size_bytes + 4} bytes came, {item.size_bytes} were expected"):
        get(server, tmp_path, item)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_cut_that_no_header_betrays_is_found_by_the_checksum(server, tmp_path):
    server.states_length, server.cuts = False, 1
    with pytest.raises(CorpusError, match=f"{CUT} bytes came"):
        get(server, tmp_path)


def test_sha256_and_tar(server, tmp_path):
    server.data = tarred()
    item = Download(f"{server.url}/x", "speech.tgz", None, "sha256:" + hashlib.sha256(server.data).hexdigest().upper())
    assert files_below(get(server, tmp_path, item)) == FILES


def test_the_only_folder_of_an_archive_is_the_root(server, tmp_path):
    server.data = zipped({f"nEMO-main/{name}": data for name, data in FILES.items()} | {"__MACOSX/._x": b""})
    assert files_below(get(server, tmp_path)) == FILES


def test_several_archives_get_a_folder_each(server, tmp_path):
    server.by_path = {"/a": tarred({"amused_1-2_0001.wav": b"1"}), "/b": tarred({"neutral_1-2_0001.wav": b"2"})}
    items = [
        server.download(f"{stem}.tar.gz", data=server.by_path[path], path=path)
        for stem, path in (("bea_Amused", "/a"), ("sam_Neutral", "/b"))
    ]
    root = get(server, tmp_path, *items, name="emov-db")
    found = {(recording.speaker, recording.emotion) for recording in corpora.read("emov-db", root)}
    assert found == {("bea", "amusement"), ("sam", "neutral")}


def test_files_of_somebody_else_are_left_alone(server, tmp_path):
    (tmp_path / "ravdess").mkdir()
    (tmp_path / "ravdess" / "mine.wav").touch()
    with pytest.raises(CorpusError, match="already holds something"):
        get(server, tmp_path)
    assert files_below(tmp_path) == {"ravdess/mine.wav": b""}
    assert server.ranges == []


@pytest.mark.parametrize("name", ["iemocap", "msp-podcast", "table", "demo"])
def test_corpora_without_an_address_say_how_to_get_them(name, tmp_path):
    with pytest.raises(CorpusError, match=re.escape(corpora.info(name).access)):
        fetch(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("filename", ["../speech.zip", "speech.7z", "/tmp/speech.zip"])
def test_file_names_that_lead_elsewhere_or_cannot_be_unpacked(filename, server, tmp_path):
    with pytest.raises(CorpusError, match="not the file name of an archive"):
        get(server, tmp_path / "in", server.download(filename))
    assert server.ranges == []
