"""Servers that run for as long as a block of code does; benchmarks and tests send through them."""

import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

HOST = "127.0.0.1"
#: Credentials for the S3 server, which accepts any that are not empty.
S3_CREDENTIALS = {"access_key_id": "somebody", "secret_access_key": "a secret"}


@contextmanager
def serving(*command: str, timeout_s: float = 60.0) -> Iterator[int]:
    """Yield the port on which *command* listens on this machine; the process ends with the block.

    Args:
        command: a program and its arguments, with ``{port}`` where its port belongs.
        timeout_s: seconds until it must listen.

    Raises:
        RuntimeError: it ended, or did not listen in time; its last words are in the message.
    """
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([part.format(port=port) for part in command], stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + timeout_s
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise RuntimeError(f"{command[0]} does not listen: {log.read().decode(errors='replace')[-2000:]}")
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def s3_server(bucket: str) -> Iterator[str]:
    """Yield the URL of an S3 server (moto's) that holds nothing but the empty *bucket*."""
    with serving(sys.executable, "-m", "moto.server", "-H", HOST, "-p", "{port}") as port:
        url = f"http://{HOST}:{port}"
        urllib.request.urlopen(urllib.request.Request(f"{url}/{bucket}", method="PUT"), timeout=30).close()
        yield url
