"""Pieces of HTML. Everything that came from outside is escaped by ``format_html``."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.core.formatting import STATUS_ICONS, ago, truncate
from jobs.core.states import AttemptOutcome, Status

NOTHING = "\N{EN DASH}"
LONGEST = 20_000

_ENDINGS = {
    AttemptOutcome.SUCCEEDED: Status.SUCCEEDED,
    AttemptOutcome.CANCELLED: Status.CANCELLED,
    AttemptOutcome.RELEASED: Status.QUEUED,
    AttemptOutcome.LOST: Status.QUEUED,
}


def mark(status: str, word: str) -> SafeString:
    """A status: its shape, its word, its colour."""
    return format_html(
        '<span class="jobs-status jobs-{}"><span aria-hidden="true">{}</span> {}</span>',
        status,
        STATUS_ICONS.get(status, ""),
        word,
    )


def ending_mark(outcome: str, word: str) -> SafeString:
    """How an attempt ended, marked as the status that it resembles."""
    return mark(_ENDINGS.get(AttemptOutcome(outcome), Status.FAILED).value, word)


def when(moment: datetime | None) -> SafeString | str:
    """A moment in words, exact on hover."""
    if moment is None:
        return NOTHING
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        f"{local:%Y-%m-%d %H:%M:%S %Z}",
        ago(moment, timezone.now()),
    )


def block(text: str) -> SafeString | str:
    """Text as it is, in a box that scrolls; cut when it is very long."""
    if not text:
        return NOTHING
    return format_html('<pre class="jobs-text" tabindex="0">{}</pre>', truncate(text, LONGEST))


def as_json(value: Any) -> SafeString | str:
    """JSON data, laid out."""
    return block(json.dumps(value, indent=2, ensure_ascii=False))
