"""A real server on this machine that misbehaves in the ways real ones do, and archives to fetch from it."""

import hashlib
import io
import re
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from emoforge.corpora.fetch import fetch
from emoforge.corpora.recording import Download

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
