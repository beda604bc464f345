"""The operations of the API, for the OpenAPI document and the page of the API.

Each is described at its view: ``@Operation("getJob", [Response(200, "Job")])``. The summary is the
first line of the view's docstring, the description is the rest. The method and the path are those
of ``urls``; the parameters in the path and most of the problems follow from them.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

from django.http import HttpResponseBase
from django.urls import URLResolver, get_resolver

from jobs.core.credentials import OPERATE, READ

from . import problems as kinds
from .responses import JSON

SUBMIT_ONE: Final = "submitTaskJob"
"""The operation that is there once more for each task, typed by its arguments."""

BY_METHOD: Final = "by method"
ANY_SCOPE: Final = ""
"""For what every token may do."""
_READING: Final = frozenset({"get", "head", "options"})

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
ANY_NAME: Final = "NAME"
"""At the end of a parameter's name, after a point: whatever follows the point."""
TEXT: Final = {"type": "string"}
COUNT: Final = {"type": "integer", "minimum": 0}
_MEDIA_TYPES: Final = {"Text": "text/plain", "Bytes": "application/octet-stream"}


def _parameter(
    where: str, name: str, description: str, schema: Mapping[str, Any] = TEXT, **more: Any
) -> dict[str, Any]:
    return {"name": name, "in": where, "description": description, "schema": schema, **more}


query = partial(_parameter, "query")
header = partial(_parameter, "header")
_in_path = partial(_parameter, "path", required=True)
_UUID: Final = {"type": "string", "format": "uuid"}
_PATH_PARAMETERS: Final = {
    "{id}": _in_path("id", "The job's id.", _UUID),
    "{upload_id}": _in_path("upload_id", "The upload's id.", _UUID),
    "{webhook_id}": _in_path("webhook_id", "The webhook's id.", _UUID),
    "{delivery_id}": _in_path("delivery_id", "The delivery's id.", _UUID),
    "{token_id}": _in_path("token_id", "The token's id.", {"type": "integer", "minimum": 1}),
    "{name}": _in_path("name", "Its name."),
}
ID_IN_PATH: Final = re.compile(r"\{(\w+_)?id\}")


_ANYWHERE: Final = (
    kinds.MALFORMED,
    kinds.WRONG_HOST,
    kinds.METHOD_NOT_ALLOWED,
    kinds.INVALID,
    kinds.INTERNAL,
    kinds.UNAVAILABLE,
)


@dataclass(frozen=True, slots=True)
class Response:
    """A response that is no problem: its schema in the document, the names of its headers."""

    status: int
    schema: str = ""
    headers: str = ""
    content_type: str = ""
    or_stream: str = ""
    """The media type of the same as a stream, where ``Accept`` asks for it."""

    @property
    def media_type(self) -> str:
        """The media type, which mostly follows from the schema."""
        return self.content_type or _MEDIA_TYPES.get(self.schema, JSON)

    @property
    def description(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status).phrase


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path; as a decorator it describes a view.

    ``body`` is a media type; one that is JSON, and is no submission, says its ``body_schema``, a
    JSON Schema. ``scope`` is what a token needs; unless it says another one, that is ``read`` for
    what only reads and ``operate`` for all else; ``is_of_all_jobs``: none that is limited to some
    jobs may. ``curl`` are the arguments of the sample, ``$URL``
    is the address. The fields after it, the parameters in the path and the problems that follow
    from the address are filled in by ``operations``.
    """

    do_not_call_in_templates: ClassVar = True  # Django calls what is callable

    id: str
    responses: Sequence[Response]
    parameters: Sequence[dict[str, Any]] = ()
    problems: Sequence[kinds.Kind] = ()
    body: str = ""
    tag: str = "jobs"
    curl: str = "$URL"
    body_schema: Mapping[str, Any] | None = None
    example: Any = None
    scope: str = BY_METHOD
    is_of_all_jobs: bool = False
    method: str = ""
    path: str = ""
    is_open: bool = False
    summary: str = ""
    description: str = ""

    def __call__(self, view: View) -> View:
        _described[view] = self
        return view

    @property
    def takes_json(self) -> bool:
        """Whether the body is JSON, or there is none: such a call can be tried on the page."""
        return self.body in {"", JSON} and self.method in {"get", "post"}

    @property
    def example_text(self) -> str:
        """The example of the body as JSON, "" for none."""
        return "" if self.example is None else json.dumps(self.example, indent=2)

    @property
    def code_sample(self) -> str:
        """The request as a shell command."""
        token = "" if self.is_open else ' -H "Authorization: Bearer $TOKEN"'
        method = {"get": "", "head": " --head"}.get(self.method, f" -X {self.method.upper()}")
        if self.method == "post" and self.body:
            method = ""
        several = len(ID_IN_PATH.findall(self.path)) > 1
        address = "$DESK" + ID_IN_PATH.sub(
            lambda found: f"${found[0][1:-1].upper()}" if several else "$ID", self.path
        )
        return f"curl{token}{method} {self.curl.replace('$URL', address)}"


_described: Final[dict[Callable[..., HttpResponseBase], Operation]] = {}


class Rules(NamedTuple):
    """What is asked of each request to a view before it is called."""

    scope: str
    """What a token needs, "" for none."""
    is_of_all_jobs: bool
    """It is of all jobs of its caller: not for a token that is limited to some."""
    query_names: frozenset[str]
    """What a query may have."""


def rules_of(view: Callable[..., HttpResponseBase], method: str) -> Rules:
    """Return the rules of a view for a method, in upper or lower case."""
    described = _described[view]
    names = frozenset(one["name"] for one in described.parameters if one["in"] == "query")
    return Rules(_scope(described.scope, method.lower()), described.is_of_all_jobs, names)


def _scope(declared: str, method: str) -> str:
    if declared != BY_METHOD:
        return declared
    return READ if method in _READING else OPERATE


def body_type(view: Callable[..., HttpResponseBase]) -> str:
    """Return the media type of the body that a view takes, "" for none."""
    return _described[view].body


def operations() -> list[Operation]:
    """Return every operation, in the order of ``jobs.urls``."""
    return list(_below(get_resolver("jobs.urls"), "/"))


def _below(resolver: URLResolver, prefix: str) -> Iterator[Operation]:
    for entry in resolver.url_patterns:
        path = prefix + re.sub(r"<\w+:(?:job_)?(\w+)>", r"{\1}", str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from _below(entry, path)
            continue
        view: Any = entry.callback  # has handlers when ``endpoint`` made it; the pages have none
        for method, handler in getattr(view, "handlers", {}).items():
            yield _complete(handler, method, path, view)


def _complete(handler: Callable[..., Any], method: str, path: str, view: Any) -> Operation:
    operation, is_open = _described[handler], view.is_open
    summary, _, description = inspect.cleandoc(handler.__doc__ or "").partition("\n\n")
    problems = {*operation.problems, *_ANYWHERE}
    if view.takes_any_query:
        problems -= {kinds.INVALID} - {*operation.problems}
    if not is_open:
        problems |= {kinds.UNAUTHENTICATED, kinds.HTTPS_REQUIRED}
    scope = "" if is_open else _scope(operation.scope, method)
    if scope:
        problems.add(kinds.INSUFFICIENT_SCOPE)
    if method not in _READING:
        problems.add(kinds.CSRF)
    if ID_IN_PATH.search(path):
        problems.add(kinds.NOT_FOUND)
    if operation.body:
        problems |= {kinds.MALFORMED, kinds.LENGTH_REQUIRED, kinds.TOO_LARGE, kinds.MEDIA_TYPE}
    in_path = [parameter for place, parameter in _PATH_PARAMETERS.items() if place in path]
    return replace(
        operation,
        parameters=[*in_path, *operation.parameters],
        problems=[kind for kind in kinds.KINDS if kind in problems],
        method=method,
        path=path,
        is_open=is_open,
        scope=scope,
        summary=summary.removesuffix("."),
        description=" ".join(description.split()).replace("``", "`"),
    )
