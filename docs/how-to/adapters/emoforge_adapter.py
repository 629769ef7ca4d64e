"""The protocol of external converters, version 1, for adapters in Python 3.8 or newer; needs nothing but Python.

Copy this file beside your adapter. It does not import emoforge: the adapter runs in the converter's own environment.
"""

import hashlib
import json
import os
import subprocess
import sys
import traceback
from pathlib import Path

PROTOCOL = 1


class OutOfMemoryError(Exception):
    """Raise this from ``convert`` where the converter ran out of memory: emoforge then asks for fewer clips at once."""


def messages_only():
    """Return the standard output as a file for messages, and send what anything else prints to standard error."""
    messages = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return messages


def serve(hello, convert, *, messages=None):
    """Answer emoforge until it ends the input.

    Args:
        hello: what the converter says of itself: every key of the message ``hello`` but ``type`` and ``protocol``.
        convert: called with a list of at most ``hello["batch"]`` jobs (dictionaries); writes each ``job["result"]``
            and yields ``(job["id"], "")`` for a clip that was converted, ``(job["id"], reason)`` for one that was not.
        messages: what :func:`messages_only` returned, for adapters that print while they load; called here if missing.
    """
    messages = messages or messages_only()

    def say(message):
        messages.write(json.dumps(message) + "\n")
        messages.flush()

    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "hello":
            say({"type": "hello", "protocol": PROTOCOL, **hello})
        elif message["type"] == "convert":
            try:
                for number, reason in convert(message["jobs"]):
                    say(
                        {"type": "error", "id": number, "reason": reason}
                        if reason
                        else {"type": "result", "id": number}
                    )
            except OutOfMemoryError:
                say({"type": "out_of_memory"})


def one_by_one(convert_one):
    """Return a ``convert`` for :func:`serve` from a function of one job, which raises where a clip cannot be converted.

    An error of torch that says "out of memory" is passed on as such.
    """

    def convert(jobs):
        for job in jobs:
            try:
                convert_one(job)
                yield job["id"], ""
            except OutOfMemoryError:
                raise
            except Exception as error:
                if "out of memory" in str(error).lower():
                    raise OutOfMemoryError from error
                traceback.print_exc()
                yield job["id"], f"{type(error).__name__}: {error}"

    return convert


def sha256_of(*paths, suffixes=None):
    """Return one SHA-256 of files and folders, by relative name and content.

    Args:
        paths: files, and folders that are looked through.
        suffixes: of the files to take from folders, such as ``(".py", ".yaml")``; all if missing.
    """
    digest = hashlib.sha256()
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"{path}: not there, and its checksum was asked for")
        files = [path] if path.is_file() else sorted(found for found in path.rglob("*") if found.is_file())
        for file in files:
            name = file.name if path.is_file() else file.relative_to(path).as_posix()
            hidden = any(part.startswith(".") or part == "__pycache__" for part in name.split("/")[:-1])
            if path.is_dir() and (hidden or (suffixes and file.suffix not in suffixes)):
                continue
            digest.update(name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def version_of(repository):
    """Return the commit of a clone, shortened; "unknown" where git cannot say."""
    command = ["git", "-C", str(repository), "describe", "--always", "--dirty", "--tags"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def writing_beside(path):
    """Return a path beside *path* for what a converter writes on the way."""
    return str(Path(path).with_suffix(".step.wav"))


def entered(root, *needed):
    """Make the clone *root* the working folder and importable, or end with a line that says what it lacks."""
    root = Path(root).expanduser().resolve()
    for name in needed:
        if not (root / name).exists():
            sys.exit(f"{root / name}: not there; --root must be the converter's clone, with its requirements installed")
    os.chdir(root)
    sys.path.insert(0, str(root))
    return root
