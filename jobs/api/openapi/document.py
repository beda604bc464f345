"""Putting the OpenAPI 3.1 document together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from jobs.api.problems import KINDS, Kind
from jobs.api.responses import PROBLEM_JSON, api_url
from jobs.api.serializers import root
from jobs.catalog.registry import AnyTask

from .call import BYTES, Answer, Call
from .calls import JOB_CALLS
from .pieces import HEADERS, PARAMETERS
from .schemas import SCHEMAS, ref
from .tasks import component, task_schemas
from .watching import OTHER_CALLS

ALL_CALLS: Final = (*JOB_CALLS, *OTHER_CALLS)

_HEADERS_BY_STATUS: Final = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    415: ("Accept-Post",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}


def document(tasks: Sequence[AnyTask]) -> dict[str, Any]:
    """Return the description of the API.

    Args:
        tasks: those whose arguments are described; none for readers we do not know.
    """
    paths: dict[str, dict[str, Any]] = {}
    for call in ALL_CALLS:
        paths.setdefault(call.path, {})[call.method] = _operation(call, tasks)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Jobdesk",
            "version": "1",
            "description": "Hand in slow work, see how far it is, take the result.",
        },
        "servers": [{"url": root().rstrip("/") or "/"}],
        "paths": paths,
        "components": {
            "schemas": {**SCHEMAS, **task_schemas(tasks)},
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "sessionid",
                    "description": "The site's session; but for reading, with `X-CSRFToken`.",
                },
            },
        },
    }


def _operation(call: Call, tasks: Sequence[AnyTask]) -> dict[str, Any]:
    return {
        "operationId": call.id,
        "summary": call.summary,
        **({"description": call.description} if call.description else {}),
        "tags": list(call.tags),
        "security": [] if call.is_open else [{"token": []}, {"session": []}],
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in call.parameters],
        **({"requestBody": _body(call.body, tasks)} if call.body else {}),
        "responses": {**_good(call), **_bad(call.all_problems)},
        "x-codeSamples": [{"lang": "Shell", "label": "curl", "source": call.curl}],
    }


def _body(media_type: str, tasks: Sequence[AnyTask]) -> dict[str, Any]:
    if media_type == BYTES:
        return {"required": True, "content": {BYTES: {}}}
    return {"required": True, "content": {media_type: {"schema": _submission(tasks)}}}


def _submission(tasks: Sequence[AnyTask]) -> dict[str, Any]:
    if not tasks:
        return ref("Submission")
    kinds = {task.name: ref(f"{component(task.name)}.submission") for task in tasks}
    return {
        "oneOf": list(kinds.values()),
        "discriminator": {
            "propertyName": "task",
            "mapping": {name: schema["$ref"] for name, schema in kinds.items()},
        },
    }


def _good(call: Call) -> dict[str, Any]:
    return {str(status): _answer(answer) for status, answer in call.answers.items()}


def _answer(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {"description": answer.meaning}
    if answer.headers:
        found["headers"] = _headers(answer.headers)
    if answer.schema:
        found["content"] = {answer.media_type: {"schema": ref(answer.schema)}}
    return found


def _bad(kinds: Iterable[Kind]) -> dict[str, Any]:
    """The problems by status: some statuses stand for more than one kind."""
    grouped = groupby(sorted(kinds, key=lambda kind: kind.status), key=lambda kind: kind.status)
    return {str(status): _problem(status, list(same)) for status, same in grouped}


def _problem(status: int, kinds: list[Kind]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": " Or: ".join(f"{kind.title}. {kind.meaning}" for kind in kinds),
        "content": {
            PROBLEM_JSON: {
                "schema": ref("Problem"),
                "examples": {kind.slug: {"value": _example(kind)} for kind in kinds},
            }
        },
    }
    if status in _HEADERS_BY_STATUS:
        found["headers"] = _headers(_HEADERS_BY_STATUS[status])
    return found


def _example(kind: Kind) -> dict[str, Any]:
    return {
        "type": f"{api_url('docs')}#{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.meaning,
    }


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


__all__ = ["ALL_CALLS", "KINDS", "document"]
