"""Downloads from a real server on this machine that misbehaves in the ways real ones do."""

import hashlib
import io
import re
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import soundfile

from emoforge import corpora
from emoforge.base.errors import CorpusError
from emoforge.corpora.archive import unpack
from emoforge.corpora.fetch import fetch
from emoforge.corpora.recording import Download, Listing

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
    """Serves ``data`` on every path; the attributes say how it misbehaves.

    ``ranges`` and ``paths`` record what was asked for.
    """

    def __init__(self):
        self.data = zipped()
        self.by_path = {}
        self.status_of = {}  # answered on this path, always
        self.cut_of = {}  # so many answers on this path stop in the middle
        self.cuts = 0  # this many answers stop in the middle
        self.cut_bytes = CUT
        self.ranges_allowed = True
        self.wrong_range = False
        self.states_length = True
        self.statuses = []  # answered first, before any data
        self.ranges = []
        self.paths = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                server.answer(self)

        class Http(ThreadingHTTPServer):
            # With the usual five, the kernel turns some of the eight that knock at once away for a second.
            request_queue_size = 32

        self.http = Http(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, request):
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        self.paths.append(request.path)
        request.close_connection = True
        data = self.by_path.get(request.path, self.data)
        if self.statuses or request.path in self.status_of:
            request.send_response(self.statuses.pop(0) if self.statuses else self.status_of[request.path])
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
        if self.cut_of.get(request.path):
            self.cut_of[request.path] -= 1
            body = body[: len(body) // 2]
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


@pytest.mark.parametrize("name", ["iemocap", "msp-podcast", "table", "demo"])
def test_corpora_without_an_address_say_how_to_get_them(name, tmp_path):
    with pytest.raises(CorpusError, match=re.escape(corpora.info(name).access)):
        fetch(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("filename", ["../speech.zip", "speech.7z", "/tmp/speech.zip"])
def test_file_names_that_lead_elsewhere_or_cannot_be_unpacked(filename, server, tmp_path):
    with pytest.raises(CorpusError, match="no file name of an archive"):
        get(server, tmp_path / "in", server.download(filename))
    assert server.ranges == []


CLIPS = [f"{actor}_{sentence}_ANG_XX" for actor in (1001, 1002, 1003) for sentence in ("DFA", "IEO", "TIE", "WSI")]
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"


def listed(server, *, names=CLIPS, column="Filename", hosts=("a",)):
    """Put a table and a tiny WAV file for each name on *server*; return the listing and the files by their path."""
    server.by_path["/list.csv"] = ('"Number","Filename"\n' + "".join(f'1,"{name}"\n' for name in names)).encode()
    files = {}
    for number, name in enumerate(CLIPS):
        buffer = io.BytesIO()
        soundfile.write(buffer, np.full(200 + number, 0.1), 8000, format="WAV")
        files[f"AudioWAV/{name}.wav"] = buffer.getvalue()
        for host in hosts:
            server.by_path[f"/{host}/{name}.wav"] = buffer.getvalue()
    addresses = tuple(f"{server.url}/{host}/{{name}}.wav" for host in hosts)
    listing = Listing(f"{server.url}/list.csv", "list.csv", column=column, addresses=addresses, folder="AudioWAV")
    return listing, files


def test_listed_files_are_fetched_one_by_one_and_once(server, tmp_path):
    told = []
    listing, files = listed(server, names=[*CLIPS, CLIPS[0], ""])
    root = get(server, tmp_path, listing, name="crema-d", progress=lambda *args: told.append(args))
    assert files_below(root) == files
    assert [path.name for path in tmp_path.iterdir()] == ["crema-d"]
    assert sorted(server.paths) == sorted(["/list.csv", *(f"/a/{name}.wav" for name in CLIPS)])
    assert told == [(count, len(CLIPS), "AudioWAV") for count in range(len(CLIPS) + 1)]
    assert {recording.speaker for recording in corpora.read("crema-d", root)} == {"1001", "1002", "1003"}
    assert get(server, tmp_path, listing, name="crema-d") == root
    assert len(server.paths) == len(CLIPS) + 1


def test_a_listed_file_whose_connection_drops_is_asked_for_again(server, tmp_path):
    listing, files = listed(server)
    server.cut_of = {f"/a/{CLIPS[3]}.wav": 2}
    assert files_below(get(server, tmp_path, listing, name="crema-d")) == files


def test_one_missing_file_is_named_and_the_others_stay(server, tmp_path):
    listing, files = listed(server)
    server.status_of = {f"/a/{CLIPS[2]}.wav": 404}
    with pytest.raises(CorpusError) as caught:
        get(server, tmp_path, listing, name="crema-d")
    kept = tmp_path / ".crema-d-arriving" / "AudioWAV"
    assert str(caught.value) == (
        f"{server.url}/a/{CLIPS[2]}.wav answers with status 404; 11 of 12 files are here and kept in {kept}, "
        "call again to go on"
    )
    assert not (tmp_path / "crema-d").exists()
    assert files_below(kept.parent).items() > {path: files[path] for path in files if CLIPS[2] not in path}.items()
    server.status_of = {}
    server.paths.clear()
    assert files_below(get(server, tmp_path, listing, name="crema-d")) == files
    assert server.paths == [f"/a/{CLIPS[2]}.wav"]


def test_a_server_that_refuses_everything_is_not_asked_for_everything(server, tmp_path):
    names = [f"{actor}_DFA_ANG_XX" for actor in range(1001, 1092)]
    listing, _ = listed(server, names=names)
    server.status_of = {f"/a/{name}.wav": 403 for name in names}
    with pytest.raises(CorpusError, match=r"1\d{3}_DFA_ANG_XX.wav answers with status 403 \(and 9 more of 91 files\)"):
        get(server, tmp_path, listing, name="crema-d")
    assert len(server.paths) < len(names) / 2


def test_a_killed_fetch_goes_on_where_it_was(server, tmp_path):
    listing, files = listed(server)

    def kill(have, total, name):
        if have == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(server, tmp_path, listing, name="crema-d", progress=kill)
    kept = set(files_below(tmp_path / ".crema-d-arriving")) & set(files)
    assert len(kept) >= 4
    server.paths.clear()
    assert files_below(get(server, tmp_path, listing, name="crema-d")) == files
    assert {path.replace("/a/", "AudioWAV/") for path in server.paths} == set(files) - kept


def test_a_file_that_one_address_refuses_comes_from_the_next(server, tmp_path):
    listing, files = listed(server, hosts=("a", "b"))
    server.status_of = {f"/a/{CLIPS[0]}.wav": 404, f"/a/{CLIPS[1]}.wav": 509}
    server.by_path[f"/a/{CLIPS[2]}.wav"] = POINTER
    assert files_below(get(server, tmp_path, listing, name="crema-d")) == files
    assert sorted(path for path in server.paths if path.startswith("/b/")) == [f"/b/{name}.wav" for name in CLIPS[:3]]


def test_git_lfs_pointers_are_refused_and_not_kept(server, tmp_path):
    listing, files = listed(server)
    server.by_path[f"/a/{CLIPS[5]}.wav"] = POINTER
    with pytest.raises(CorpusError, match=f"{CLIPS[5]}.wav gives a Git LFS pointer, not audio; 11 of 12 files"):
        get(server, tmp_path, listing, name="crema-d")
    assert POINTER not in files_below(tmp_path).values()
    server.by_path[f"/a/{CLIPS[5]}.wav"] = files[f"AudioWAV/{CLIPS[5]}.wav"]
    assert files_below(get(server, tmp_path, listing, name="crema-d")) == files


@pytest.mark.parametrize(
    ("names", "column", "complaint"),
    [
        (["../escaped"], "Filename", r"lists '\.\./escaped', which is no plain file name; refused"),
        ([".hidden"], "Filename", "no plain file name"),
        (["a\\b"], "Filename", "no plain file name"),
        ([], "Filename", "lists no files"),
        (CLIPS, "fileName", "has no column fileName; it has Number, Filename"),
    ],
)
def test_listings_that_cannot_be_used(names, column, complaint, server, tmp_path):
    listing, _ = listed(server, names=names, column=column)
    with pytest.raises(CorpusError, match=complaint):
        get(server, tmp_path, listing, name="crema-d")
    assert server.paths == ["/list.csv"]
    assert files_below(tmp_path) == {}


def test_every_file_of_a_published_listing_has_an_address_of_its_own():
    listings = [item for name in corpora.names() for item in corpora.info(name).downloads if isinstance(item, Listing)]
    assert listings
    for listing in listings:
        for address in listing.addresses:
            assert address.startswith("https://")
            assert address.format(name="1001_DFA_ANG_XX").endswith(f"/1001_DFA_ANG_XX{listing.suffix}")


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
