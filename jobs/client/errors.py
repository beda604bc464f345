"""What can go wrong, as exceptions: one class for each kind of problem.

``DeskError`` is the base of all. What the site refuses is a ``Problem``, by the status of its
answer; what becomes of a job is ``JobFailed``, ``JobCancelled`` or ``TimedOut``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .effects import Answer

MOST_SHOWN: Final = 5


class DeskError(Exception):
    """The base of all errors of this client."""


class Problem(DeskError):
    """The site has refused a request.

    Attributes:
        body: the problem as the site has described it (RFC 9457); it may be empty.
        retry_after: seconds after which to try again, None where the site has not said.
    """

    def __init__(
        self, status: int, body: Mapping[str, Any], retry_after: float | None = None
    ) -> None:
        super().__init__(status, body, retry_after)
        self.body = body
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        """The status of the answer; 0 where there was none."""
        return int(self.args[0])

    @property
    def kind(self) -> str:
        """The kind of problem in one word, such as ``queue-full``; "" where the site names none."""
        return str(self.body.get("type", "")).rpartition("#")[2]

    @property
    def detail(self) -> str:
        """What is wrong, in words."""
        return str(self.body.get("detail") or self.body.get("title") or "")

    def __str__(self) -> str:
        if not self.status:  # there was no answer
            return self.detail
        return f"{self.status}: {self.detail or 'the site does not say why'}"


class NotAuthenticated(Problem):
    """There is no token, or it is not, or no longer, a good one (401)."""


class Forbidden(Problem):
    """The token's user may not do this (403)."""


class NotFound(Problem):
    """There is no such thing, or it is somebody else's (404)."""

    @property
    def nearest(self) -> list[str]:
        """The closest names of tasks, where a task was not found."""
        return list(self.body.get("nearest", ()))

    def __str__(self) -> str:
        hint = f" Nearest: {', '.join(self.nearest)}." if self.nearest else ""
        return super().__str__() + hint


class Conflict(Problem):
    """It is not possible in the state that the thing is in (409)."""


class CursorExpired(Problem):
    """A cursor is older than finished jobs are kept: something after it may be gone (410)."""


class TooLarge(Problem):
    """A body is over the site's limit (413)."""


class Invalid(Problem):
    """What was sent does not fit (422)."""

    @property
    def errors(self) -> dict[str, str]:
        """What is wrong, by the place: a JSON pointer such as ``/args/n``."""
        return {one["pointer"]: one["detail"] for one in self.body.get("errors", ())}

    def __str__(self) -> str:
        shown = [f"{place}: {what}" for place, what in self.errors.items()][:MOST_SHOWN]
        return " ".join([super().__str__(), *shown])


class TooManyRequests(Problem):
    """A queue is full, or a user has reached a limit (429). ``retry_after`` says when to go on."""


class Unavailable(Problem):
    """The site cannot be reached, or cannot do it now (502, 503, 504).

    ``status`` is 0 where it could not be reached; the exception that says why is its cause.
    """


class Untrusted(Problem):
    """The site's certificate is not one to trust: nothing was sent to it."""


class Redirected(Problem):
    """The site says that it is elsewhere. The token was not sent there: give that address."""


class UnexpectedAnswer(Problem):
    """What has answered is not the API of a Jobdesk."""


_BY_STATUS: Final[Mapping[int, type[Problem]]] = {
    401: NotAuthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: CursorExpired,
    413: TooLarge,
    422: Invalid,
    423: Unavailable,
    429: TooManyRequests,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
TEMPORARY: Final = (TooManyRequests, Unavailable)
"""To try again may help."""


def problem_of(answer: Answer) -> Problem:
    """Return the error of an answer that is no success."""
    if answer.status < 400:
        where = answer.headers.get("location", "nowhere")
        detail = f"The site redirects to {where}. Give that address, if it is the right one."
        return Redirected(answer.status, {"detail": detail})
    try:
        body = answer.json()
    except ValueError:
        body = None
    found = body if isinstance(body, dict) else {}
    return problem_from(answer.status, found, _seconds(answer.headers.get("retry-after", "")))


def problem_from(status: int, body: Mapping[str, Any], retry_after: float | None = None) -> Problem:
    """Return the error of a problem, as an answer or a line of one describes it."""
    return _BY_STATUS.get(status, Problem)(status, body, retry_after)


def unreachable(why: str) -> Unavailable:
    """Return the error of a site from which no answer has come."""
    return Unavailable(0, {"detail": why})


def _seconds(text: str) -> float | None:
    """The seconds of a ``Retry-After``; a date, which no part of Jobdesk sends, is None."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


class JobFailed(DeskError):
    """A job has failed.

    Attributes:
        job_id: the job's id.
        type: the qualified name of the exception, or one of ``Timeout``, ``WorkerDied``,
            ``UnknownTask``, ``InvalidArguments``.
        message: what it said.
    """

    def __init__(self, job_id: str, type: str, message: str) -> None:  # noqa: A002
        super().__init__(job_id, type, message)
        self.job_id = job_id
        self.type = type
        self.message = message

    def __str__(self) -> str:
        return f"{self.type}: {self.message} (job {self.job_id})"


class JobCancelled(JobFailed):
    """A job was cancelled."""


class TimedOut(DeskError, TimeoutError):
    """What was waited for has not come within the time."""
