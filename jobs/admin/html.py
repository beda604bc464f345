"""Fragments of HTML for the admin. ``format_html`` escapes everything that came from outside."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.core.formatting import STATUS_ICONS, ago, status_like, truncate
from jobs.core.times import local

NOTHING = "\N{EN DASH}"
MAX_LENGTH = 20_000


def mark(status: str, label: str) -> SafeString:
    """A status as icon, label and colour."""
    return format_html(
        '<span class="jobs-status jobs-{}"><span aria-hidden="true">{}</span> {}</span>',
        status,
        STATUS_ICONS.get(status, ""),
        label,
    )


def outcome_mark(outcome: str, label: str) -> SafeString:
    """The outcome of an attempt, with the icon and colour of the status that it resembles."""
    return mark(status_like(outcome).value, label)


def when(moment: datetime | None) -> SafeString | str:
    """A time, relative within a day, exact on hover."""
    if moment is None:
        return NOTHING
    at = local(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(timespec="seconds"),
        f"{at:%Y-%m-%d %H:%M:%S %Z}",
        ago(moment, timezone.now()),
    )


def block(text: str) -> SafeString | str:
    """Text as it is, in a box that scrolls; truncated when it is very long."""
    if not text:
        return NOTHING
    return format_html('<pre class="jobs-text" tabindex="0">{}</pre>', truncate(text, MAX_LENGTH))


def as_json(value: Any) -> SafeString | str:
    """JSON data, indented."""
    return block(json.dumps(value, indent=2, ensure_ascii=False))
