"""A server on this machine that answers as the Hugging Face hub does: large files lie elsewhere, with checksums."""

import hashlib
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Hub:
    """Serves folders by the names of their repositories; the attributes say how it misbehaves."""

    def __init__(self, repositories: Mapping[str, Path]) -> None:
        self.commit = "c0ffee" * 6 + "c0de"
        self.cut = False  # the first answer with a large file stops in the middle
        self.stated_sha256 = ""
        self.ranges: list[str | None] = []
        self.commits: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_HEAD(self):
                hub.answer(self, repositories)

            def do_GET(self):
                hub.answer(self, repositories)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler, repositories: Mapping[str, Path]) -> None:
        stored = re.fullmatch(r"/stored/(.+/.+)/(.+)", request.path)
        asked = stored or re.fullmatch(r"/([^/]+/[^/]+)/resolve/\w+/(.+)", request.path)
        path = repositories.get(asked[1], Path("nowhere")) / asked[2]
        if not stored:
            self.commits.append(request.path.split("/")[4])
        if not path.is_file():
            self.send(request, 404)
            return
        data = path.read_bytes()
        if path.suffix != ".json" and not stored:
            sha256 = self.stated_sha256 or hashlib.sha256(data).hexdigest()
            headers = {"X-Linked-ETag": f'"{sha256}"', "X-Linked-Size": str(len(data))}
            self.send(request, 302, Location=f"{self.url}/stored/{asked[1]}/{asked[2]}", **headers)
            return
        since = int((request.headers.get("Range") or "bytes=0-")[6:-1])
        if stored:
            self.ranges.append(request.headers.get("Range"))
        body = data[since:]
        headers = {"Content-Range": f"bytes {since}-{len(data) - 1}/{len(data)}"} if since else {}
        cut, self.cut = self.cut and bool(stored), self.cut and not stored
        self.send(request, 206 if since else 200, body, cut=cut, **headers)

    def send(
        self, request: BaseHTTPRequestHandler, status: int, body: bytes = b"", *, cut: bool = False, **headers
    ) -> None:
        request.send_response(status)
        for name, value in {"X-Repo-Commit": self.commit, "Content-Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(body[: len(body) // 2] if cut else body)


@contextmanager
def serving_hub(repositories: Mapping[str, Path]) -> Iterator[Hub]:
    """Run such a server for as long as the block does."""
    hub = Hub(repositories)
    try:
        yield hub
    finally:
        hub.http.shutdown()
        hub.http.server_close()
