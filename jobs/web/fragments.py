"""The page of a job in parts, each of which is sent again only when it has changed."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

# What the script keeps fresh by itself does not make a part new.
_CLOCKS: Final = re.compile(r"(<(?:time|span)[^>]* (?:datetime|data-since)=[^>]*>)[^<]*")


def fragment(
    request: HttpRequest, name: str, context: Mapping[str, Any], *, again: bool = False
) -> SafeString:
    """Render ``_job_<name>.html`` as the part ``job-<name>``.

    Its ``data-v`` is a digest of what it says: the script swaps only parts whose digest differs,
    so that focus, selection and what is unfolded stay elsewhere.

    Args:
        request: the request.
        name: which part.
        context: for its template.
        again: it is a newer version for a page that has one.
    """
    html = render_to_string(f"jobs/_job_{name}.html", dict(context), request)
    return format_html(
        '<div id="job-{}" data-v="{}"{}>{}</div>',
        name,
        _digest(html),
        mark_safe(' hx-swap-oob="true"') if again else "",
        mark_safe(html),  # noqa: S308 (a template escaped it)
    )


def _digest(html: str) -> str:
    return format(zlib.crc32(_CLOCKS.sub(r"\1", html).encode("utf-8", "replace")), "08x")
