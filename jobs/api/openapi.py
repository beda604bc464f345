"""The OpenAPI 3.1 document, made of the operations, the components and the tasks' schemas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from jobs.catalog.registry import AnyTask

from .components import HEADERS, PARAMETERS
from .json_schema import COMPONENTS, Schema, component_schemas, ref
from .operations import BYTES, OPERATIONS, Operation, Response
from .problems import Kind
from .responses import PROBLEM_JSON, api_url
from .serializers import root

_PROBLEM_HEADERS: Final = {
    401: "WWW-Authenticate",
    405: "Allow",
    415: "Accept-Post",
    429: "Retry-After",
    503: "Retry-After",
}
_SECURITY: Final = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "The site's session; except for reading, with `X-CSRFToken`.",
    },
}
_LOCAL: Final = "#/$defs/"


def document(tasks: Sequence[AnyTask]) -> dict[str, Any]:
    """Return the description of the API.

    Args:
        tasks: those whose arguments are described; none for an unknown reader.
    """
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, tasks)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Jobdesk",
            "version": "1",
            "description": "Submit slow work, see its progress, fetch the result.",
        },
        "servers": [{"url": root().rstrip("/") or "/"}],
        "paths": paths,
        "components": {
            "schemas": {**component_schemas(), **_task_schemas(tasks)},
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "securitySchemes": _SECURITY,
        },
    }


def _operation(operation: Operation, tasks: Sequence[AnyTask]) -> dict[str, Any]:
    described = {"description": operation.description} if operation.description else {}
    body = {"requestBody": _body(operation.body, tasks)} if operation.body else {}
    return {
        "operationId": operation.id,
        "summary": operation.summary,
        **described,
        "tags": [operation.tag],
        "security": [] if operation.is_open else [{"token": []}, {"session": []}],
        "parameters": [_ref("parameters", name) for name in operation.parameters.split()],
        **body,
        "responses": {
            **{str(status): _response(one) for status, one in operation.responses.items()},
            **_problems(operation.all_problems),
        },
        "x-codeSamples": [{"lang": "Shell", "label": "curl", "source": operation.code_sample}],
    }


def _body(media_type: str, tasks: Sequence[AnyTask]) -> dict[str, Any]:
    content: dict[str, Any] = {} if media_type == BYTES else {"schema": _submission(tasks)}
    return {"required": True, "content": {media_type: content}}


def _submission(tasks: Sequence[AnyTask]) -> Schema:
    """Any task's submission, or one for each task that is described."""
    if not tasks:
        return ref("Submission")
    by_task = {task.name: ref(f"{component_name(task.name)}.submission") for task in tasks}
    return {
        "oneOf": list(by_task.values()),
        "discriminator": {
            "propertyName": "task",
            "mapping": {name: schema["$ref"] for name, schema in by_task.items()},
        },
    }


def _response(response: Response) -> dict[str, Any]:
    found: dict[str, Any] = {"description": response.description}
    if response.headers:
        found["headers"] = _headers(response.headers)
    if response.schema:
        found["content"] = {response.media_type: {"schema": ref(response.schema)}}
    return found


def _problems(kinds: Iterable[Kind]) -> dict[str, Any]:
    """The problems by status: several kinds can share one."""
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
    if status in _PROBLEM_HEADERS:
        found["headers"] = _headers(_PROBLEM_HEADERS[status])
    return found


def _example(kind: Kind) -> dict[str, Any]:
    return {
        "type": f"{api_url('docs')}#{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.meaning,
    }


def _headers(names: str) -> dict[str, Any]:
    return {name: _ref("headers", name) for name in names.split()}


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _task_schemas(tasks: Iterable[AnyTask]) -> dict[str, Schema]:
    """Two components a task: ``<name>.args`` and ``<name>.submission``."""
    found: dict[str, Schema] = {}
    for task in tasks:
        name = component_name(task.name)
        found[f"{name}.args"] = _rebased(task.spec.json_schema, f"{COMPONENTS}{name}.args/$defs/")
        found[f"{name}.submission"] = _task_submission(task, name)
    return found


def component_name(task: str) -> str:
    """Return a task's name in the characters that the name of a component may have."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in task)


def _task_submission(task: AnyTask, name: str) -> Schema:
    any_task = component_schemas()["Submission"]
    own = {"task": {"const": task.name}, "args": ref(f"{name}.args")}
    return {
        **any_task,
        "title": task.title,
        "description": task.description,
        "properties": {**any_task["properties"], **own},
        "required": ["task", "args"] if task.spec.json_schema.get("required") else ["task"],
    }


def _rebased(value: Any, base: str) -> Any:
    """The schema with its local references turned to its place in the document."""
    if isinstance(value, list):
        return [_rebased(item, base) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base + item.removeprefix(_LOCAL)
        if name == "$ref" and isinstance(item, str) and item.startswith(_LOCAL)
        else _rebased(item, base)
        for name, item in value.items()
    }
