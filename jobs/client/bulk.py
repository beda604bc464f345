"""Many jobs: NDJSON in requests of a thousand lines, taken from the caller as they are needed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from .arguments import Options, submission, with_uploads
from .effects import END, Emit, Flow, Request, Take, now, pause
from .errors import Problem, TooManyRequests, UnexpectedAnswer, problem_from, unreachable
from .exchange import Patience, exchange
from .site import Site

LINES: Final = 1000
"""Of a request: the site inserts so many in one transaction."""
CHARACTERS: Final = 4 * 1024 * 1024
SECONDS: Final = 0.5
"""What the caller gives slowly is sent after this time, though it is less."""


@dataclass(frozen=True, slots=True)
class Line:
    """A job that is to be submitted.

    Attributes:
        number: its number, from 1.
        args: its arguments, with uploads for files.
        text: it as a line of JSON.
    """

    number: int
    args: Mapping[str, Any]
    text: bytes


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a line: a job, which may have been there before, or the problem."""

    line: Line
    job_id: str = ""
    is_new: bool = True
    problem: Problem | None = None


@dataclass(slots=True)
class Bulk:
    """The submissions of one call.

    Attributes:
        site: where to.
        task: the task of all of them.
        options: what is set beside the arguments.
        key: with its number it makes each line safe to repeat.
        taken: how many lines were taken from the caller.
        is_over: the caller has no more.
    """

    site: Site
    task: str
    options: Options
    key: str = ""
    taken: int = 0
    is_over: bool = False
    patience: Patience = field(init=False)

    def __post_init__(self) -> None:
        self.key = self.options.idempotency_key or uuid.uuid4().hex
        self.patience = Patience(self.site.retry_for)

    def take(self, most: int = LINES) -> Flow[list[Line]]:
        """Take the arguments of the next jobs from the caller; none when there are no more."""
        lines: list[Line] = []
        size, until = 0, 0.0
        while len(lines) < min(most, LINES) and size < CHARACTERS and not self.is_over:
            arguments = yield Take()
            if arguments is END:
                self.is_over = True
                break
            if not isinstance(arguments, Mapping):
                kind = type(arguments).__name__
                raise TypeError(f"Give a dict of arguments for each job, not a value of {kind}.")
            line = yield from self._line(arguments)
            lines.append(line)
            size += len(line.text)
            time = yield from now()
            until = until or time + SECONDS
            if time > until:
                break
        return lines

    def _line(self, arguments: Mapping[str, Any]) -> Flow[Line]:
        arguments = yield from with_uploads(self.site, arguments)
        self.taken += 1
        return Line(self.taken, arguments, submission(self.task, arguments, self.options))

    def submit(self, lines: list[Line]) -> Flow[tuple[list[Submitted], float]]:
        """Submit jobs, up to the first for which there is no room now.

        Returns:
            what became of the lines before that, and the seconds after which there may be room.

        Raises:
            DeskError: the site takes none of them.
        """
        answer = yield from exchange(self.site, self._request(lines), self.patience)
        found, stop = _read(lines, answer.content)
        if found:
            self.patience.renew()
        if stop is None:
            return found, 0.0
        if isinstance(stop, TooManyRequests):
            return found, stop.retry_after or 1.0
        yield from self.patience.pause(stop)
        return found, 0.0

    def _request(self, lines: list[Line]) -> Request:
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": self.key}
        content = b"\n".join([*(line.text for line in lines), b""])
        query = {"first_line": lines[0].number}
        return Request("POST", "jobs/bulk", query, headers, content, wait=60.0)


def _read(lines: list[Line], content: bytes) -> tuple[list[Submitted], Problem | None]:
    """Return what became of the lines, and why it stops before the last of them."""
    found: list[Submitted] = []
    for line, text in zip(lines, content.split(b"\n"), strict=False):
        answer = _parsed(text)
        if answer is None:
            break
        problem = answer.get("problem")
        if problem is None:
            found.append(Submitted(line, answer["id"], answer.get("created", True)))
            continue
        error = problem_from(problem["status"], problem, problem.get("retry_after"))
        if "resume_from" in problem:
            return found, error
        found.append(Submitted(line, problem=error))
    if len(found) < len(lines):
        return found, unreachable("The answer to a bulk ended before its last line.")
    return found, None


def _parsed(text: bytes) -> dict[str, Any] | None:
    """Return the object of a line of the answer; None for one that was cut off."""
    try:
        found = json.loads(text) if text else None
    except ValueError:
        return None
    if found is not None and not isinstance(found, dict):
        raise UnexpectedAnswer(200, {"detail": "A line of the answer to a bulk is no object."})
    return cast("dict[str, Any] | None", found)


def submit_many(bulk: Bulk) -> Flow[None]:
    """Give what became of each job, in order, as they are submitted.

    Where there is no room, it waits as it is told, for as long as it takes.
    """
    while lines := (yield from bulk.take()):
        while lines:
            found, seconds = yield from bulk.submit(lines)
            for one in found:
                yield Emit(one)
            lines = lines[len(found) :]
            if lines and seconds:
                yield from pause(seconds)
