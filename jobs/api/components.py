"""The parameters and headers of the OpenAPI document, which operations refer to by name."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from jobs.api.views.job_list import DEFAULT_LIMIT, MAX_LIMIT
from jobs.core.states import Status

from .json_schema import Schema
from .long_poll import MAX_WAIT

_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}


def _parameter(
    where: str, name: str, description: str, schema: Schema = _TEXT, **more: Any
) -> dict[str, Any]:
    return {"name": name, "in": where, "description": description, "schema": schema, **more}


_path = partial(_parameter, "path", required=True)
_query = partial(_parameter, "query")
_header = partial(_parameter, "header")

PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "id": _path("id", "The job's id.", {"type": "string", "format": "uuid"}),
    "artifact": _path("name", "The file's name."),
    "taskName": _path("name", "The task's name."),
    "IdempotencyKey": _header(
        "Idempotency-Key",
        "Makes the request safe to repeat. It belongs to its owner and is kept as long as the job, "
        "at least for a day. A refused request (4xx) is not remembered.",
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x20-\\x7e]*$"},
    ),
    "IfNoneMatch": _header("If-None-Match", "The `ETag` you have."),
    "Prefer": _header(
        "Prefer",
        f"`wait=N`: wait up to N seconds, {MAX_WAIT} at most. When too many requests wait, the "
        "response comes at once, without `Preference-Applied`.",
        {"type": "string", "examples": ["wait=20"]},
    ),
    "status": _query(
        "status",
        "Only these; several are separated by commas.",
        {"type": "array", "items": {"type": "string", "enum": list(Status.values)}},
        explode=False,
        style="form",
    ),
    "task": _query("task", "Only this task."),
    "queue": _query("queue", "Only this queue."),
    "q": _query("q", "The beginning of an id, or a part of a task's name."),
    "limit": _query(
        "limit",
        f"Jobs on a page; more than {MAX_LIMIT} is taken as {MAX_LIMIT}.",
        {"type": "integer", "minimum": 1, "default": DEFAULT_LIMIT},
    ),
    "cursor": _query("cursor", "Where the page begins; `Link` gives it."),
    "offset": _query("offset", "Characters to skip.", {**_COUNT, "default": 0}),
    "uploadName": _query("name", "The file's name, for display."),
}


def _response_header(description: str, schema: Schema = _TEXT) -> dict[str, Any]:
    return {"description": description, "schema": schema}


HEADERS: Final[dict[str, dict[str, Any]]] = {
    "Location": _response_header("The job's address."),
    "Retry-After": _response_header(
        "Seconds after which to try again; absent when the job has finished.", _COUNT
    ),
    "ETag": _response_header("The version of the job, a strong one."),
    "Preference-Applied": _response_header("`wait=N`, when the server was ready to wait."),
    "Link": _response_header('`<...>; rel="next"`, when there is another page.'),
    "X-Next-Offset": _response_header("The offset to continue from.", _COUNT),
    "Content-Disposition": _response_header("`attachment`, with the file's name."),
    "WWW-Authenticate": _response_header("`Bearer`, and what is wrong with the token."),
    "Allow": _response_header("The methods of this address."),
    "Accept-Post": _response_header("The accepted media types."),
}
