"""The parameters ``fields`` and ``include`` of a list of jobs: which members it shows."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest

from . import schemas
from .exception_handlers import invalid
from .operations import query

LARGE: Final = {"args": "kwargs", "result": "result"}
"""The members that are left out unless they are asked for, with their columns: up to a megabyte."""
_NAMES: Final = tuple(schemas.Job.__annotations__)
_USUAL: Final = frozenset(_NAMES) - LARGE.keys()


def _names(name: str, description: str, values: Any) -> dict[str, Any]:
    items = {"type": "string", "enum": list(values)}
    schema = {"type": "array", "items": items, "minItems": 1}
    return query(name, description, schema, explode=False, style="form")


MEMBERS: Final = [
    _names(
        "fields",
        "Only these members of each job, separated by commas. The `id` is there always.",
        _NAMES,
    ),
    _names(
        "include",
        "These members as well, which a list leaves out: `args,result`.",
        LARGE,
    ),
]
"""The parameters, for the API's document."""


def members_of(request: HttpRequest) -> frozenset[str]:
    """Return the members that a request asks for.

    Raises:
        ApiError: 422, there is no such member.
    """
    chosen = _chosen(request, "fields", _NAMES)
    more = _chosen(request, "include", tuple(LARGE))
    return (chosen | {"id"} if chosen else _USUAL) | more


def _chosen(request: HttpRequest, name: str, known: tuple[str, ...]) -> frozenset[str]:
    texts = request.GET.getlist(name)
    found = {one for text in texts for one in text.split(",") if one}
    if unknown := sorted(found - set(known)):
        raise invalid(f"/{name}", f"There is no {unknown[0]!a} in it. Known: {', '.join(known)}.")
    if texts and not found:
        raise invalid(f"/{name}", f"Name some of: {', '.join(known)}.")
    return frozenset(found)
