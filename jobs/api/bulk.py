"""The lines of a bulk: what each asks for, and what became of it, as lines of the answer."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from django.http import HttpRequest

from jobs.catalog.json_arguments import JsonArguments
from jobs.conf import get_conf
from jobs.core.jsonutils import canonical_digest
from jobs.core.server_threads import requests_in_progress
from jobs.errors import InvalidOptions, LimitReached, TooLarge
from jobs.submission import SubmitOptions
from jobs.submission.bulk import Created, PreparedJob, Preparer, insert_batch

from .exception_handlers import problem_response, to_problem
from .ndjson import parse_line
from .problems import INTERNAL, ApiError
from .submitted import checked_submission

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

PLAIN: Final = frozenset({"task", "args"})
PAUSE_EVERY: Final = 40
PAUSE_SECONDS: Final = 0.0002
"""A thread that computes gives way to others after 5 ms (``sys.getswitchinterval``), each time one
of them wants to go on: a submission does that a dozen times. So while others are served, this one
sleeps for a moment after some lines, about a millisecond of work."""


class Bulk:
    """The lines of one request.

    Args:
        request: for the log.
        owner: whose jobs they are.
        first_line: the number of the first line.
        key: the request's Idempotency-Key: each line gets one of its own from it.
    """

    def __init__(
        self, request: HttpRequest, owner: AbstractBaseUser, first_line: int, key: str | None
    ) -> None:
        self._request = request
        self._owner = owner
        self._next = first_line
        self._key = key
        self._preparer = Preparer(owner, enforce_limits=True)
        self._stopped = ""

    def answer(self, lines: Sequence[bytes | None]) -> bytes:
        """Record the jobs of some lines; return their lines of the answer.

        Args:
            lines: as ``LineSplitter`` returned them; one without anything in it has no answer.
        """
        numbered = self.numbered(lines)
        if self._stopped:
            return self._all_stopped([number for number, _ in numbered])
        told: dict[int, str] = {}
        prepared: list[tuple[int, PreparedJob]] = []
        stop: tuple[int, ApiError] | None = None
        for count, (number, line) in enumerate(numbered):
            if not count % PAUSE_EVERY and requests_in_progress.now > 1:
                time.sleep(PAUSE_SECONDS)
            try:
                prepared.append((number, self.prepare(number, line)))
            except Exception as error:  # noqa: BLE001  (a line's fault is its own)
                problem = self.problem(error)
                if problem.kind.status >= INTERNAL.status:
                    stop = (number, problem)
                    break
                told[number] = _problem_line(number, problem)
        stop = self._insert(prepared, told) or stop
        if stop is None:
            return _joined(told[number] for number, _ in numbered)
        return self._stop([number for number, _ in numbered], told, *stop)

    def cut_off(self, error: Exception) -> bytes:
        """Answer the line whose end did not come, or is not wanted, and stop there."""
        if self._stopped:
            return b""
        return self._stop([self._next], {}, self._next, self.problem(error))

    def prepare(self, number: int, line: bytes | None) -> PreparedJob:
        """Check one line.

        Raises:
            ApiError, JobsError: it does not fit.
        """
        if line is None:
            raise TooLarge("line", get_conf().max_body)
        raw = parse_line(line)
        task, arguments, options = self._asked(raw)
        if self._key is not None:
            key, digest = f"{self._key}:{number}", canonical_digest(raw)
            options = replace(
                options or SubmitOptions(), idempotency_key=key, request_digest=digest
            )
        return self._preparer.prepare(task, arguments, options)

    def problem(self, error: Exception) -> ApiError:
        """Return the problem of an exception; an unexpected one is logged."""
        problem = to_problem(error)
        if problem is None:
            problem_response(self._request, error)
            problem = ApiError(INTERNAL, "Something went wrong here, and was logged.")
        return problem

    def numbered(self, lines: Sequence[bytes | None]) -> list[tuple[int, bytes | None]]:
        """Return the lines with their numbers, without those that are empty."""
        first, self._next = self._next, self._next + len(lines)
        return [
            (number, line)
            for number, line in enumerate(lines, first)
            if line is None or not (line.isspace() or not line)
        ]

    def _asked(self, raw: Any) -> tuple[str, dict[str, Any], SubmitOptions | None]:
        if isinstance(raw, dict) and raw.keys() <= PLAIN:
            task, arguments = raw.get("task"), raw.get("args", {})
            if isinstance(task, str) and isinstance(arguments, dict):
                return task, JsonArguments(arguments), None
        asked = checked_submission(raw)
        if asked.notify is not None:
            # As many e-mails as lines are in nobody's interest.
            detail = "Not in a bulk: a webhook or the results feed tells of many jobs."
            raise InvalidOptions([{"pointer": "/notify", "detail": detail}])
        options = SubmitOptions(**asked.model_dump(exclude={"task", "args", "notify"}))
        return asked.task, asked.args, options

    def _insert(
        self, prepared: Sequence[tuple[int, PreparedJob]], told: dict[int, str]
    ) -> tuple[int, ApiError] | None:
        """Insert the jobs of a batch; return the line at which it stops, and why."""
        if not prepared:
            return None
        many = [job for _, job in prepared]
        try:
            outcomes = insert_batch(many, self._owner, enforce_limits=True)
        except Exception as error:  # noqa: BLE001  (nothing of the batch is in, whatever it was)
            return prepared[0][0], self.problem(error)
        for (number, _), outcome in zip(prepared, outcomes, strict=False):
            if isinstance(outcome, Created):
                told[number] = created_line(number, outcome)
            elif isinstance(outcome, LimitReached):
                return number, self.problem(outcome)
            else:
                told[number] = _problem_line(number, self.problem(outcome))
        return None

    def _stop(
        self, numbers: Sequence[int], told: dict[int, str], first: int, problem: ApiError
    ) -> bytes:
        """Answer this line and all after it alike: so there is one line to go on from."""
        body = problem.body()
        if "Retry-After" in problem.headers:
            body["retry_after"] = int(problem.headers["Retry-After"])
        body["resume_from"] = first
        self._stopped = f',"problem":{_dumps(body)}}}\n'
        before = [told[number] for number in numbers if number < first]
        return _joined(before) + self._all_stopped([one for one in numbers if one >= first])

    def _all_stopped(self, numbers: Sequence[int]) -> bytes:
        return _joined(f'{{"line":{number}{self._stopped}' for number in numbers)


def created_line(number: int, created: Created) -> str:
    """Return the line of the answer for a job that is recorded."""
    known = "" if created.created else ',"created":false'
    key = created.id.hex  # 0.6 us instead of the 0.9 us of its str
    return (
        f'{{"line":{number},"id":"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}"'
        f"{known}}}\n"
    )


def _problem_line(number: int, problem: ApiError) -> str:
    return f'{{"line":{number},"problem":{_dumps(problem.body())}}}\n'


def _dumps(body: Any) -> str:
    return json.dumps(body, separators=(",", ":"), allow_nan=False)


def _joined(lines: Any) -> bytes:
    return "".join(lines).encode("ascii")
