"""The page of a job in fragments, each of which is sent again only when it has changed."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from jobs.core.rendering import render_to_string

# Times that the script updates by itself do not make a fragment new.
_TIMES: Final = re.compile(r"(<(?:time|span)[^>]* (?:datetime|data-since)=[^>]*>)[^<]*")


def fragment(
    request: HttpRequest, name: str, context: Mapping[str, Any], *, replaces: bool = False
) -> SafeString:
    """Render ``_job_<name>.html`` as the element ``job-<name>``.

    Its ``data-v`` is a digest of its content: the script swaps only fragments whose digest
    differs, so that focus, selection and open details stay in the others.

    Args:
        request: the request.
        name: which fragment.
        context: for its template.
        replaces: it is a newer version for a page that is open.
    """
    html = render_to_string(f"jobs/_job_{name}.html", dict(context), request)
    return format_html(
        '<div id="job-{}" data-v="{}"{}>{}</div>',
        name,
        _digest(html),
        mark_safe(' hx-swap-oob="true"') if replaces else "",
        mark_safe(html),  # noqa: S308 (a template escaped it)
    )


def _digest(html: str) -> str:
    return format(zlib.crc32(_TIMES.sub(r"\1", html).encode("utf-8", "replace")), "08x")
