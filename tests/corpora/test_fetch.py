"""Downloads from a real server on this machine that misbehaves in the ways real ones do."""

import hashlib
import io
import re
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from emoforge import corpora
from emoforge.corpora.archive import unpack
from emoforge.corpora.fetch import fetch
from emoforge.corpora.recording import Download
from emoforge.errors import CorpusError

# A whole number of the pieces that are written at once, so that none is lost.
CUT = 1 << 15
CLIP = "03-01-03-01-02-01-07.wav"
FILES = {f"Actor_07/{CLIP}": b"RIFF" + bytes(range(256)) * 800, "README.txt": b"read me"}


def zipped(files=FILES) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(files=FILES, extra=()) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in extra:
            archive.addfile(member)
    return buffer.getvalue()


class Server:
    """Serves ``data`` on every path; the attributes say how it misbehaves. ``ranges`` records what was asked for."""

    def __init__(self):
        self.data = zipped()
        self.by_path = {}
        self.cuts = 0  # this many answers stop in the middle
        self.cut_bytes = CUT
        self.ranges_allowed = True
        self.wrong_range = False
        self.states_length = True
        self.statuses = []  # answered first, before any data
        self.ranges = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                server.answer(self)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, request):
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        request.close_connection = True
        data = self.by_path.get(request.path, self.data)
        if self.statuses:
            request.send_response(self.statuses.pop(0))
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", asked).group(1)) if asked and self.ranges_allowed else 0
        if start >= len(data):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(data)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        body = data[start:]
        if asked and self.ranges_allowed:
            request.send_response(206)
            stated = 0 if self.wrong_range else start
            request.send_header("Content-Range", f"bytes {stated}-{len(data) - 1}/{len(data)}")
        else:
            request.send_response(200)
        if self.states_length:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if self.cuts:
            self.cuts -= 1
            body = body[: self.cut_bytes]
        request.wfile.write(body)

    def download(self, filename="speech.zip", *, data=None, path="/file", exact=True):
        data = self.data if data is None else data
        checksum = "md5:" + hashlib.md5(data).hexdigest()
        return Download(f"{self.url}{path}", filename, len(data) if exact else None, checksum if exact else None)


@pytest.fixture
def server():
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def quiet(have, total, filename):
    pass


def get(server, folder, *downloads, name="ravdess", progress=quiet):
    return fetch(name, folder, downloads=downloads or (server.download(),), progress=progress, pause_s=0.001)


def files_below(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith(".emoforge")
    }


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


def test_headway_is_never_given_up_on(server, tmp_path):
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


def test_a_complete_piece_is_recognised_by_416(server, tmp_path):
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


def test_corrupt_bytes_are_deleted_and_said(server, tmp_path):
    item = server.download()
    good, server.data = server.data, server.data[:500] + b"?" + server.data[501:]
    with pytest.raises(CorpusError, match="its md5 is .*, not .*; deleted"):
        get(server, tmp_path, item)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    server.data = good
    assert files_below(get(server, tmp_path, item)) == FILES


def test_wrong_sizes_are_deleted_and_said(server, tmp_path):
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


@pytest.mark.parametrize("name", ["iemocap", "msp-podcast", "crema-d", "table", "demo"])
def test_corpora_without_an_address_say_how_to_get_them(name, tmp_path):
    with pytest.raises(CorpusError, match=re.escape(corpora.info(name).access)):
        fetch(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("filename", ["../speech.zip", "speech.7z", "/tmp/speech.zip"])
def test_file_names_that_lead_elsewhere_or_cannot_be_unpacked(filename, server, tmp_path):
    with pytest.raises(CorpusError, match="no file name of an archive"):
        get(server, tmp_path / "in", server.download(filename))
    assert server.ranges == []


def link(name, target, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def zip_link():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        member = zipfile.ZipInfo("Actor_01")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, "/etc")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("filename", "data"),
    [
        ("x.zip", zipped(FILES | {"../escaped.txt": b"!"})),
        ("x.zip", zipped(FILES | {"/escaped.txt": b"!"})),
        ("x.zip", zipped(FILES | {"a/../../escaped.txt": b"!"})),
        ("x.zip", zipped(FILES | {"..\\escaped.txt": b"!"})),
        ("x.zip", zipped(FILES | {"C:escaped.txt": b"!"})),
        ("x.zip", zip_link()),
        ("x.tar.gz", tarred(FILES | {"../escaped.txt": b"!"})),
        ("x.tar.gz", tarred(FILES | {"/escaped.txt": b"!"})),
        ("x.tar.gz", tarred(FILES, [link("out", "/etc")])),
        ("x.tar.gz", tarred(FILES, [link("out", "../..")])),
        ("x.tar.gz", tarred(FILES, [link("hard", "../secret", tarfile.LNKTYPE)])),
        ("x.tar.gz", tarred(FILES, [link("pipe", "", tarfile.FIFOTYPE)])),
    ],
)
def test_malicious_archives_write_nothing(filename, data, server, tmp_path):
    server.data = data
    with pytest.raises(CorpusError, match="refused"):
        get(server, tmp_path / "a" / "b", server.download(filename))
    assert not any(path.is_file() or path.is_symlink() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize(
    ("filename", "data"),
    [("x.zip", b"<html>not here</html>"), ("x.tar.gz", b"<html>"), ("x.tar.gz", tarred()[:-200]), ("x.tar", b"")],
)
def test_damaged_archives_are_deleted_and_said(filename, data, server, tmp_path):
    server.data = data or b"\0"
    with pytest.raises(CorpusError, match=r"damaged|cannot be unpacked"):
        get(server, tmp_path, server.download(filename, exact=False))
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_damaged_member_is_found(tmp_path):
    data = bytearray(zipped())
    data[data.index(b"RIFF") + 10] ^= 0xFF
    (tmp_path / "x.zip").write_bytes(bytes(data))
    with pytest.raises(CorpusError, match="damaged"):
        unpack(tmp_path / "x.zip", tmp_path / "out")
