"""Errors as ``application/problem+json`` (RFC 9457), and the kinds of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jobs.errors import FieldError, JobsError, shorten

from . import schemas
from .responses import PROBLEM_JSON, JsonResponse, api_url

MOST_DETAIL: Final = 600
"""Characters of a sentence or a pointer: no response repeats all that a request brought."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its anchor in the documentation, its status, title and description."""

    slug: str
    status: int
    title: str
    meaning: str


MALFORMED = Kind("malformed", 400, "Not readable", "The request or its JSON is broken.")
WRONG_HOST = Kind("wrong-host", 400, "Wrong host", "This site is not reached by that host name.")
UNAUTHENTICATED = Kind(
    "unauthenticated", 401, "No good credential", "Send a token, or sign in on the site."
)
FORBIDDEN = Kind("forbidden", 403, "Not allowed", "The user may not do this.")
INSUFFICIENT_SCOPE = Kind(
    "insufficient-scope", 403, "Scope missing", "The token has not the scope that the call needs."
)
CSRF = Kind(
    "csrf", 403, "CSRF check failed", "A session's request must carry the header X-CSRFToken."
)
HTTPS_REQUIRED = Kind(
    "https-required", 403, "HTTPS only", "A token that came by plain HTTP is not looked at."
)
NOT_FOUND = Kind("not-found", 404, "Not found", "There is no such thing, or it is somebody else's.")
UNKNOWN_TASK = Kind("unknown-task", 404, "Unknown task", "`nearest` lists the closest names.")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "Wrong method", "`Allow` lists the methods.")
NOT_ACCEPTABLE = Kind(
    "not-acceptable", 406, "No such form", "What `Accept` asks for is not to be had here."
)
IDEMPOTENCY_CONFLICT = Kind(
    "idempotency-conflict",
    409,
    "Key in use",
    "The Idempotency-Key came with a different request; `fingerprints` are those of both.",
)
CONFLICT = Kind("conflict", 409, "Not possible now", "The job's status forbids it.")
WRONG_OFFSET = Kind(
    "wrong-offset", 409, "Wrong offset", "The upload goes on elsewhere: ask where by HEAD."
)
CURSOR_EXPIRED = Kind(
    "cursor-expired", 410, "Cursor too old", "Something after it may have been deleted since."
)
LENGTH_REQUIRED = Kind(
    "length-required", 411, "Length required", "This server takes no body of unknown length."
)
TUS_VERSION = Kind(
    "tus-version", 412, "Other version of tus", "`Tus-Version` is the one that is spoken here."
)
PRECONDITION_FAILED = Kind(
    "precondition-failed",
    412,
    "It has changed",
    "`If-Match` names another version; `ETag` is this.",
)
TOO_LARGE = Kind("too-large", 413, "Too large", "The body is over the limit; nothing was kept.")
MEDIA_TYPE = Kind(
    "unsupported-media-type", 415, "Wrong media type", "The body is of a type not taken here."
)
RANGE_NOT_SATISFIABLE = Kind(
    "range-not-satisfiable", 416, "No such bytes", "`Content-Range` has the size of the file."
)
INVALID = Kind(
    "invalid", 422, "Does not fit", "`errors` says for each place (a JSON pointer) what is wrong."
)
UPLOAD_BUSY = Kind(
    "upload-busy",
    423,
    "Busy",
    "Another request completes it. Ask again after `Retry-After` seconds.",
)
QUEUE_FULL = Kind("queue-full", 429, "Queue full", "Come back after `Retry-After` seconds.")
QUOTA_EXCEEDED = Kind(
    "quota-exceeded", 429, "Too much of one user", "Come back after `Retry-After` seconds."
)
INTERNAL = Kind("internal", 500, "Our fault", "It was logged; nothing is known of its effect.")
UNAVAILABLE = Kind(
    "unavailable", 503, "Not available now", "Come back after `Retry-After` seconds."
)

KINDS: Final = (
    MALFORMED,
    WRONG_HOST,
    UNAUTHENTICATED,
    FORBIDDEN,
    INSUFFICIENT_SCOPE,
    CSRF,
    HTTPS_REQUIRED,
    NOT_FOUND,
    UNKNOWN_TASK,
    METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE,
    IDEMPOTENCY_CONFLICT,
    CONFLICT,
    WRONG_OFFSET,
    CURSOR_EXPIRED,
    LENGTH_REQUIRED,
    PRECONDITION_FAILED,
    TUS_VERSION,
    TOO_LARGE,
    MEDIA_TYPE,
    RANGE_NOT_SATISFIABLE,
    INVALID,
    UPLOAD_BUSY,
    QUEUE_FULL,
    QUOTA_EXCEEDED,
    INTERNAL,
    UNAVAILABLE,
)


class ApiError(JobsError):
    """Raised for a request to which the response is a problem.

    Args:
        kind: what kind of problem it is.
        detail: what is wrong this time, for the sender of the request.
        headers: headers of the response.
        errors: the members of the request that do not fit.
        nearest: the names of tasks that are closest to an unknown one.
        fingerprints: of two requests with one key.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str,
        headers: Mapping[str, str] | None = None,
        *,
        errors: list[FieldError] | None = None,
        nearest: list[str] | None = None,
        fingerprints: schemas.Fingerprints | None = None,
    ) -> None:
        self.kind = kind
        self.headers = headers or {}
        self.errors = errors
        self.nearest = nearest
        self.fingerprints = fingerprints
        super().__init__(detail)

    def response(self) -> JsonResponse:
        """Return the response, with the headers of the problem."""
        return JsonResponse(self.body(), self.kind.status, self.headers, content_type=PROBLEM_JSON)

    def body(self) -> schemas.Problem:
        """Return the problem as JSON data."""
        body: schemas.Problem = {
            "type": f"{api_url('docs')}#{self.kind.slug}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": shorten(str(self), MOST_DETAIL),
        }
        if self.errors is not None:
            body["errors"] = [_short(one) for one in self.errors]
        if self.nearest is not None:
            body["nearest"] = self.nearest
        if self.fingerprints is not None:
            body["fingerprints"] = self.fingerprints
        return body


def _short(error: FieldError) -> FieldError:
    # The name of a member, and so its pointer, may be as long as a body.
    return {
        "pointer": shorten(error["pointer"], MOST_DETAIL),
        "detail": shorten(error["detail"], MOST_DETAIL),
    }


def no_such_job() -> ApiError:
    """Return the problem of a job that is missing or somebody else's: both look the same."""
    return ApiError(NOT_FOUND, "There is no such job.")
