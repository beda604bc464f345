"""The OpenAPI 3.1 document, made of the operations and the schemas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from django.conf import settings

from jobs.catalog.registry import AnyTask
from jobs.core.credentials import SCOPES

from .examples import EXAMPLES, example_of
from .json_schema import PLAIN, component_schemas, ref
from .openapi_links import links
from .operations import COUNT, SUBMIT_ONE, TEXT, Operation, Response, operations
from .problems import PRECONDITION_FAILED, TUS_VERSION, WRONG_OFFSET, Kind
from .responses import JSON, PROBLEM_JSON, api_url
from .serializers import root
from .task_operations import task_operation
from .task_schemas import TaskSchemas

_PROBLEM_HEADERS: Final = {
    401: "WWW-Authenticate",
    403: "WWW-Authenticate",
    405: "Allow",
    415: "Accept-Post Accept-Encoding",
    416: "Content-Range Accept-Ranges",
    423: "Retry-After",
    429: "Retry-After RateLimit RateLimit-Policy",
    503: "Retry-After",
}


def _header(description: str, schema: Mapping[str, Any] = TEXT) -> dict[str, Any]:
    return {"description": description, "schema": schema}


_HEADERS: Final = {
    "Location": _header("The address of the job, or of the upload."),
    "Retry-After": _header(
        "Seconds after which to try again; absent when the job has finished.", COUNT
    ),
    "RateLimit": _header('What is left of each limit: `"backlog";r=12, "minute";r=0;t=9`.'),
    "RateLimit-Policy": _header('The limits: `"backlog";q=100000, "minute";q=60000;w=60`.'),
    "ETag": _header("The version of what was sent, a strong one."),
    "Accept-Ranges": _header("`bytes`: parts of the file can be asked for."),
    "Content-Range": _header("Which bytes these are, of how many: `bytes 0-99/1234`."),
    "Accept-Encoding": _header("How a body may be compressed, where it was in another way."),
    "Idempotency-Replayed": _header(
        "`true`: a request with this `Idempotency-Key` came before, and nothing was done again.",
        {**TEXT, "const": "true"},
    ),
    "Preference-Applied": _header("`wait=N`, when the server was ready to wait."),
    "Link": _header('`<...>; rel="next"`, when there is another page.'),
    "X-Next-Offset": _header(
        "The offset to continue from, of all characters that were logged.", COUNT
    ),
    "Content-Disposition": _header("`attachment`, with the file's name."),
    "WWW-Authenticate": _header("`Bearer`, and what is wrong with the token."),
    "Allow": _header("The methods of this address."),
    "Accept-Post": _header("The accepted media types."),
    "Tus-Resumable": _header("The version of tus, 1.0.0."),
    "Tus-Version": _header("The versions of tus that are spoken here."),
    "Tus-Extension": _header("The extensions of tus that are spoken here."),
    "Tus-Max-Size": _header("The most bytes of an upload.", COUNT),
    "Upload-Offset": _header("How many bytes are stored: where the upload goes on.", COUNT),
    "Upload-Length": _header("The bytes of the whole upload.", COUNT),
    "Upload-Metadata": _header("What its client has told of it."),
    "Upload-Expires": _header("When it is deleted if nothing is added; absent when complete."),
}


def document(tasks: Sequence[AnyTask]) -> dict[str, Any]:
    """Return the description of the API.

    Args:
        tasks: those whose arguments are described; none for an unknown reader.
    """
    task_schemas = TaskSchemas(tasks)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations():
        if operation.id == SUBMIT_ONE:
            for task in tasks:
                one = task_operation(operation, task, task_schemas)
                paths[one.path] = {one.method: _operation(one, task_schemas)}
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, task_schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Jobdesk",
            "version": "1",
            "description": "Submit slow work, see its progress, fetch the result. Every address "
            "answers `OPTIONS` with the methods it has (`Allow`), and `HEAD` where it has `GET`. "
            "Each response has `X-Request-Id`: the request's, or one that is made. A body of JSON "
            "may be compressed (`Content-Encoding: gzip`), within the same limits.",
        },
        "servers": [{"url": root().rstrip("/") or "/"}],
        "paths": paths,
        "components": {
            "schemas": {**component_schemas(), **task_schemas.components()},
            "headers": _HEADERS,
            "securitySchemes": _security(),
        },
    }


def _security() -> dict[str, Any]:
    return {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "With the scope that the operation names: "
            + "; ".join(f"`{name}` to {what}" for name, what in SCOPES.items())
            + ". A token without scopes has all of them.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The site's session; except for reading, with `X-CSRFToken`.",
        },
    }


def _security_of(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.is_open:
        return []
    return [{"token": [operation.scope] if operation.scope else []}, {"session": []}]


def _operation(operation: Operation, task_schemas: TaskSchemas) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": _security_of(operation),
        "parameters": operation.parameters,
        "responses": {
            **{str(one.status): _response(one, operation.id) for one in operation.responses},
            **_problems(operation.problems),
        },
        "x-codeSamples": [{"lang": "Shell", "label": "curl", "source": operation.code_sample}],
    }
    if operation.description:
        found["description"] = operation.description
    if operation.body:
        content = {operation.body: _content(operation, task_schemas)}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _content(operation: Operation, task_schemas: TaskSchemas) -> dict[str, Any]:
    if operation.body != JSON:
        return {"schema": PLAIN["Bytes"]}
    schema = operation.body_schema or task_schemas.submission()
    example = operation.example
    if example is None:
        example = example_of(schema, component_schemas() | task_schemas.components())
    return {"schema": schema, "examples": {"request": {"value": example}}}


def _response(response: Response, operation_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {"description": response.description}
    if response.headers:
        found["headers"] = _headers(response.headers)
    if response.schema:
        # Text and bytes in place: generators know them by their type, not by a name.
        in_place = response.media_type != JSON and response.schema in PLAIN
        schema = PLAIN[response.schema] if in_place else ref(response.schema)
        content: dict[str, Any] = {"schema": schema}
        if response.schema in EXAMPLES:
            content["examples"] = {"response": {"value": EXAMPLES[response.schema]}}
        found["content"] = {response.media_type: content}
    if response.or_stream:
        found["content"][response.or_stream] = {"schema": TEXT}
    if links_of := links(operation_id, response.schema):
        found["links"] = links_of
    return found


def _problems(kinds: Iterable[Kind]) -> dict[str, Any]:
    """The problems by status, in whose order they are: several kinds can share one."""
    by_status = groupby(kinds, attrgetter("status"))
    return {str(status): _problem(status, list(same)) for status, same in by_status}


def _problem(status: int, kinds: list[Kind]) -> dict[str, Any]:
    examples = {kind.slug: {"value": _example(kind)} for kind in kinds}
    found: dict[str, Any] = {
        "description": " Or: ".join(f"{kind.title}. {kind.meaning}" for kind in kinds),
        "content": {PROBLEM_JSON: {"schema": ref("Problem"), "examples": examples}},
    }
    if status in _PROBLEM_HEADERS:
        found["headers"] = _headers(_PROBLEM_HEADERS[status])
    of_kinds = (
        (PRECONDITION_FAILED, "ETag"),
        (WRONG_OFFSET, "Upload-Offset"),
        (TUS_VERSION, "Tus-Version"),
    )
    for kind, names in of_kinds:
        if kind in kinds:
            found["headers"] = _headers(names)
    return found


def _example(kind: Kind) -> dict[str, Any]:
    return {
        "type": f"{api_url('docs')}#{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.meaning,
    }


def _headers(names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names.split()}
