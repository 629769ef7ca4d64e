"""A program that speaks in JSON lines: started, asked, watched, and ended whatever it does."""

import json
import os
import shlex
import signal
import subprocess
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self, cast

from emoforge.base.errors import ModelError
from emoforge.project.params import ExternalParams

#: Seconds that a program gets to end by itself once nothing more is asked of it.
_GRACE_S = 5.0
#: What of this process's environment would change the program's own: its packages, and our single thread.
_OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "OMP_NUM_THREADS")
_SHOWN = 200


class StoppedError(ModelError):
    """The program died, took too long or broke the protocol; the message says which, and it may be started again."""


@dataclass(frozen=True, slots=True)
class Command:
    """How a program is started, and how long it may take.

    Attributes:
        words: the program and its arguments; no shell reads them.
        folder: where it is started.
        start_limit_s: seconds until it must have answered the first message.
        clip_limit_s: seconds for each clip.
    """

    words: tuple[str, ...]
    folder: Path
    start_limit_s: float
    clip_limit_s: float

    @classmethod
    def of(cls, params: ExternalParams, folder: Path) -> Self:
        """Return the command that the section `external` of params.yaml names, started in *folder*."""
        return cls(tuple(params.command), folder, params.start_limit_s, params.clip_limit_s)

    def __str__(self) -> str:
        return shlex.join(self.words)


class Program:
    """A running program: one JSON object per line to its standard input, and from its standard output.

    Args:
        command: starts it.
        log: file that its standard error is added to.

    Raises:
        ModelError: it cannot be started.
    """

    def __init__(self, command: Command, log: Path) -> None:
        self._log, self._overdue = log, False
        log.parent.mkdir(parents=True, exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if name not in _OURS}
        with log.open("ab") as stderr:
            self._log_start = stderr.tell()
            try:
                # A session of its own: what the program has started itself ends with it.
                process = subprocess.Popen(
                    command.words,
                    cwd=command.folder,
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    encoding="utf-8",
                    errors="replace",
                    start_new_session=True,
                )
            except OSError as error:
                raise ModelError(
                    f"fit_converter.external.command: {command.words[0]!r} cannot be started in {command.folder} "
                    f"({error.strerror or error}); name a program that is there and may be executed"
                ) from None
        self._process = process
        self._input, self._output = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
        #: Ends the program; also called when this object or this process goes.
        self.end = weakref.finalize(self, _end, process, grace_s=_GRACE_S)
        _started.add(self)

    @property
    def ended(self) -> bool:
        return not self.end.alive

    def send(self, message: Mapping[str, Any], *, limit_s: float) -> None:
        """Write *message* as one line; a program that does not take it within *limit_s* seconds is killed."""
        # One that has stopped reading is found out about where its answer is waited for.
        with self._watched(limit_s), suppress(OSError):
            self._input.write(json.dumps(message) + "\n")
            self._input.flush()

    def answer(self, *, limit_s: float, waited_s: float = 0.0) -> dict[str, Any]:
        """Return the next message of the program.

        Args:
            limit_s: seconds that it may take.
            waited_s: seconds of these that have passed.

        Raises:
            StoppedError: it ended, took too long, or wrote what is no message; it is killed.
        """
        with self._watched(limit_s - waited_s):
            line = self._output.readline()
        if not line.endswith("\n"):
            raise self.stopped(f"gave no answer within {limit_s:g} s" if self._overdue else "")
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise self.stopped(f"wrote {line.strip()[:_SHOWN]!r} to standard output, where only messages belong")
        return message

    def stopped(self, why: str = "") -> StoppedError:
        """Kill the program and return the error that says *why*, or where that is empty how it ended by itself."""
        if not why:
            why = _how(_ended_by_itself(self._process))
            lines = self._log_lines()
            why += f": {lines[-1][:_SHOWN]}" if lines else ""
        _kill(self._process)
        self.end.detach()
        _close(self._process)
        return StoppedError(f"the program {why}")

    def _log_lines(self) -> list[str]:
        """Return what this program has written to standard error, without empty lines."""
        with self._log.open("rb") as file:
            file.seek(max(self._log_start, file.seek(0, os.SEEK_END) - 65536))
            text = file.read().decode("utf-8", errors="replace")
        return [line.strip() for line in text.splitlines() if line.strip()]

    @contextmanager
    def _watched(self, limit_s: float) -> Iterator[None]:
        """Kill the program if the block, which waits for it, takes longer than *limit_s* seconds."""

        def expire() -> None:
            self._overdue = True
            _kill(self._process)

        timer = threading.Timer(max(limit_s, 0.0), expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


_started: "weakref.WeakSet[Program]" = weakref.WeakSet()


@contextmanager
def ended_afterwards() -> Iterator[None]:
    """End every program of this process when the block ends, also by an error."""
    try:
        yield
    finally:
        for program in list(_started):
            program.end()


def _end(process: subprocess.Popen, *, grace_s: float) -> None:
    """Let the program end by itself, as the end of its input asks it to, or kill it."""
    with suppress(OSError, subprocess.TimeoutExpired):
        cast(IO[str], process.stdin).close()
        process.wait(grace_s)
    _kill(process)
    _close(process)


def _ended_by_itself(process: subprocess.Popen) -> int:
    """Return the exit status of a program whose output has ended; 0 for one that lives on."""
    try:
        return process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        return 0


def _kill(process: subprocess.Popen) -> int:
    """Kill the program and what it has started, and return its exit status."""
    # Nobody is there any more to be killed where all of them have gone.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def _close(process: subprocess.Popen) -> None:
    for stream in (process.stdin, process.stdout):
        with suppress(OSError):
            cast(IO[str], stream).close()


def _how(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with status {code}" if code else "ended without an answer"
