"""Jobs to a program in batches: halved when it runs out of memory, one by one when it dies, started again as needed."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emoforge.base.errors import ModelError
from emoforge.project.external.hello import Hello, greet
from emoforge.project.external.program import Command, Program, StoppedError

#: A program that stopped over this many clips in a row, and answered for none in between, is given up.
MOST_STOPS = 5
#: What an answer says of a clip that was converted.
CONVERTED = ""
_OUT_OF_MEMORY = "out of memory, with this clip alone"
_LONGEST_REASON = 300

Request = Mapping[str, Any]


class Batches:
    """Asks a program, which it starts when the first job comes.

    Args:
        command: starts the program.
        hello: what the program said of itself when the project was given to it.
        log: file that its standard error is added to.
    """

    def __init__(self, command: Command, hello: Hello, log: Path) -> None:
        self._command, self._hello, self._log = command, hello, log
        self._program: Program | None = None
        self._size = hello.batch
        self._stops = 0

    def answers(self, requests: Sequence[Request]) -> dict[str, str]:
        """Return the id of every request → :data:`CONVERTED`, or the reason why it was not.

        Raises:
            ModelError: the program cannot be started, is another one now, or stops over one clip after the other.
        """
        answers: dict[str, str] = {}
        waiting = list(requests)
        # How many of those that wait are asked one by one: the program stopped over one of them.
        suspects = 0
        while waiting:
            batch = waiting[: 1 if suspects else self._size]
            found, failure = self._ask(batch)
            answers |= found
            left = [request for request in batch if request["id"] not in found]
            if found:
                self._stops = 0
            suspects = max(0, suspects - len(found))
            if failure and len(batch) == 1:
                answers[left.pop()["id"]] = str(failure)
                suspects = max(0, suspects - 1)
                self._count(failure)
            elif isinstance(failure, StoppedError):
                suspects = len(left)
            elif failure:
                self._size = len(batch) // 2
            waiting = left + waiting[len(batch) :]
        return answers

    def _count(self, failure: str | StoppedError) -> None:
        self._stops += isinstance(failure, StoppedError)
        if self._stops == MOST_STOPS:
            raise ModelError(
                f"external converter {self._hello.name}: stopped over {MOST_STOPS} clips in a row, the last time "
                f"because {failure}; {self._log} holds what it wrote; put it right and run the stage again to go on"
            )

    def _ask(self, batch: Sequence[Request]) -> tuple[dict[str, str], str | StoppedError]:
        """Return the answers to *batch*, and what kept the program from answering the rest; empty if nothing did."""
        program = self._running()
        answers: dict[str, str] = {}
        waiting = {request["id"] for request in batch}
        limit_s = self._command.clip_limit_s * len(batch)
        started = time.monotonic()
        try:
            program.send({"type": "convert", "jobs": list(batch)}, limit_s=limit_s)
            while waiting:
                message = program.answer(limit_s=limit_s, waited_s=time.monotonic() - started)
                kind, number = message.get("type"), str(message.get("id"))
                if kind == "out_of_memory":
                    return answers, _OUT_OF_MEMORY
                if kind not in ("result", "error") or number not in waiting:
                    raise program.stopped(f"answered {str(message)[:100]!r}, which is no answer to a job that waits")
                waiting.remove(number)
                answers[number] = CONVERTED if kind == "result" else _one_line(message.get("reason"))
        except StoppedError as stopped:
            return answers, stopped
        return answers, ""

    def _running(self) -> Program:
        """Return the program, started if it does not run, and checked to be the one that the project was given to."""
        if self._program is None or self._program.ended:
            self._program, hello = greet(self._command, self._log)
            if hello != self._hello:
                self._program.end()
                changed = [name for name in Hello.model_fields if getattr(hello, name) != getattr(self._hello, name)]
                raise ModelError(
                    f"external converter {self._hello.name}: the program is not the one of the stage fit_converter "
                    f"(it says something else of its {', '.join(changed)}); run `emoforge fit-converter` again"
                )
        return self._program


def _one_line(reason: object) -> str:
    text = " ".join(str(reason).split()) if reason else ""
    return text[:_LONGEST_REASON] or "the program gave no reason"
