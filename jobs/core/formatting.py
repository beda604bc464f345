"""Sizes, times, numbers and statuses as text for people: pages, admin and commands share these."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from .states import AttemptOutcome, Status
from .times import aware, local

STATUS_ICONS: Final[dict[str, str]] = {
    Status.SCHEDULED: "\N{WHITE CIRCLE WITH UPPER RIGHT QUADRANT}",
    Status.QUEUED: "\N{WHITE CIRCLE}",
    Status.RUNNING: "\N{CIRCLE WITH LEFT HALF BLACK}",
    Status.SUCCEEDED: "\N{CHECK MARK}",
    Status.FAILED: "\N{MULTIPLICATION X}",
    Status.CANCELLED: "\N{CIRCLED DIVISION SLASH}",
}
"""An icon for each status, so that colour is never the only sign of it."""

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


def duration(seconds: float) -> str:
    """Format a duration in seconds, in two units at most: ``0.2 s``, ``1 m 12 s``, ``3 h``."""
    if seconds < 0.1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    rounded = round(seconds)
    for unit_seconds, unit, smaller_seconds, smaller_unit in (
        (DAY, "d", HOUR, "h"),
        (HOUR, "h", MINUTE, "m"),
        (MINUTE, "m", 1, "s"),
    ):
        if rounded >= unit_seconds:
            rest = rounded % unit_seconds // smaller_seconds
            return f"{rounded // unit_seconds} {unit}" + (f" {rest} {smaller_unit}" if rest else "")
    return f"{rounded} s"


def ago(moment: datetime, now: datetime) -> str:
    """Format a time in the past or future: relative within a day, otherwise date and time."""
    seconds = (aware(now) - aware(moment)).total_seconds()
    if abs(seconds) >= DAY:
        return f"{local(moment):%Y-%m-%d %H:%M}"
    distance = _distance(abs(seconds))
    if seconds < 0:
        return f"in {distance}"
    return f"{distance} ago" if seconds >= 1 else "just now"


def _distance(seconds: float) -> str:
    if seconds < MINUTE:
        return f"{int(seconds)} s"
    return f"{int(seconds // MINUTE)} min" if seconds < HOUR else f"{int(seconds // HOUR)} h"


def filesize(count: int) -> str:
    """Format a number of bytes, with decimal prefixes: ``512 B``, ``12 kB``, ``1.5 MB``."""
    if count < 1000:
        return f"{count} B"
    amount, unit = float(count), "B"
    for larger in ("kB", "MB", "GB"):
        if amount < 999.5:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"


def format_number(value: float) -> str:
    """Format a number with separators, without a fraction of zero: ``620,000``."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def pluralize(count: int, noun: str, plural: str = "") -> str:
    """Format a count with its noun: ``1 job``, ``1,200 jobs``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def truncate(text: str, length: int) -> str:
    """Cut a text that is longer than ``length`` characters, and append how many were cut."""
    if len(text) <= length:
        return text
    return f"{text[:length]}\n\N{HORIZONTAL ELLIPSIS} {len(text) - length:,} characters more"


_OUTCOME_STATUS: Final = {
    AttemptOutcome.SUCCEEDED: Status.SUCCEEDED,
    AttemptOutcome.CANCELLED: Status.CANCELLED,
    AttemptOutcome.RELEASED: Status.QUEUED,
    AttemptOutcome.LOST: Status.QUEUED,
}


def stage_text(stage: Mapping[str, Any] | None) -> str:
    """Return a stage for people: ``Stage 2 of 3: Importing``, "" for none."""
    if stage is None:
        return ""
    if stage["number"] is None:
        return str(stage["name"])
    of = "" if stage["of"] is None else f" of {stage['of']}"
    return f"Stage {stage['number']}{of}: {stage['name']}"


def status_like(outcome: str) -> Status:
    """Return the status whose icon and colour an attempt's outcome is shown with."""
    return _OUTCOME_STATUS.get(AttemptOutcome(outcome), Status.FAILED)
