"""Rendering our templates, which need no context processor of the project's.

Nor its messages: where ``MessageMiddleware`` is missing, ours are not shown (``fail_silently``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.template import loader


def render(
    request: HttpRequest, name: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Return a page made from a template, as ``django.shortcuts.render`` does."""
    return HttpResponse(render_to_string(name, context, request), status=status)


def render_to_string(name: str, context: Mapping[str, Any], request: HttpRequest) -> str:
    """Return the text of a template that gets ``request``, ``user`` and ``messages`` as well."""
    return str(loader.render_to_string(name, {**page_context(request), **context}, request))


def page_context(request: HttpRequest) -> dict[str, Any]:
    """Return what every page of ours needs, which context processors need not give."""
    return {
        "request": request,
        "user": getattr(request, "user", None),
        "messages": get_messages(request),
    }
