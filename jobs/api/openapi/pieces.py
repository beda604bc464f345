"""Parameters and headers that calls share."""

from __future__ import annotations

from typing import Any, Final

from jobs.api.long_poll import LONGEST
from jobs.api.views.job_list import DEFAULT_LIMIT, MAX_LIMIT
from jobs.core.states import Status

Piece = dict[str, Any]

_TEXT: Final[Piece] = {"type": "string"}
_WHOLE: Final[Piece] = {"type": "integer", "minimum": 0}


def _parameter(name: str, where: str, description: str, schema: Piece) -> Piece:
    needed = {"required": True} if where == "path" else {}
    return {"name": name, "in": where, **needed, "description": description, "schema": schema}


def _query(name: str, description: str, schema: Piece = _TEXT) -> Piece:
    return _parameter(name, "query", description, schema)


PARAMETERS: Final[dict[str, Piece]] = {
    "id": _parameter("id", "path", "The job's id.", {"type": "string", "format": "uuid"}),
    "artifact": _parameter("name", "path", "The file's name.", _TEXT),
    "taskName": _parameter("name", "path", "The task's name.", _TEXT),
    "IdempotencyKey": _parameter(
        "Idempotency-Key",
        "header",
        "Makes the request safe to repeat: yours alone, kept as long as the job and a day at "
        "least. What was refused (4xx) is not remembered.",
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x20-\\x7e]*$"},
    ),
    "IfNoneMatch": _parameter("If-None-Match", "header", "The `ETag` you have.", _TEXT),
    "Prefer": _parameter(
        "Prefer",
        "header",
        f"`wait=N`: wait up to N seconds, {LONGEST} at most. When too many wait, the answer comes "
        "at once, without `Preference-Applied`.",
        {"type": "string", "examples": ["wait=20"]},
    ),
    "status": {
        **_query(
            "status",
            "Only these; several with commas between.",
            {"type": "array", "items": {"type": "string", "enum": list(Status.values)}},
        ),
        "explode": False,
        "style": "form",
    },
    "task": _query("task", "Only this task."),
    "queue": _query("queue", "Only this queue."),
    "q": _query("q", "The beginning of an id, or a part of a task's name."),
    "limit": _query(
        "limit",
        f"How many on a page; more than {MAX_LIMIT} is taken as {MAX_LIMIT}.",
        {"type": "integer", "minimum": 1, "default": DEFAULT_LIMIT},
    ),
    "cursor": _query("cursor", "Where the page begins; it comes with `Link`."),
    "offset": _query("offset", "Characters to pass over.", {**_WHOLE, "default": 0}),
    "uploadName": _query("name", "The file's name, as people know it."),
}


def _header(description: str, schema: Piece = _TEXT) -> Piece:
    return {"description": description, "schema": schema}


HEADERS: Final[dict[str, Piece]] = {
    "Location": _header("The job's address."),
    "Retry-After": _header(
        "Seconds after which to ask again; absent when it has finished.", _WHOLE
    ),
    "ETag": _header("The version of the job, a strong one."),
    "Preference-Applied": _header("`wait=N`, when the wish to wait was granted."),
    "Link": _header('`<...>; rel="next"`, when there is another page.'),
    "X-Next-Offset": _header("The offset to go on from.", _WHOLE),
    "Content-Disposition": _header("`attachment`, with the file's name."),
    "WWW-Authenticate": _header("`Bearer`, and what is wrong with the token."),
    "Allow": _header("The methods that this address knows."),
    "Accept-Post": _header("The media types taken here."),
}
