"""Tags and filters of the pages: statuses, times, sizes, numbers."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.core import formatting
from jobs.core.states import AttemptOutcome, Status
from jobs.core.times import aware
from jobs.core.users import name_of
from jobs.models import Attempt, Job

register = template.Library()
# Ours comes last: a project may do more when somebody leaves.
_SIGN_OUT_NAMES = ("sign-out", "sign_out", "logout", "account_logout", "jobs:sign-out")


@register.simple_tag
def now_iso() -> str:
    """The server's time, from which the script computes how far the browser's clock is off."""
    return aware(timezone.now()).isoformat(timespec="milliseconds")


@register.simple_tag
def sign_out_url() -> str:
    """The address to sign out at by POST, in this site or in another project."""
    for name in _SIGN_OUT_NAMES:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return ""


@register.simple_tag
def uploads_url() -> str:
    """The address for the script's uploads: the API is below the pages, wherever they are."""
    return f"{reverse('jobs:home')}api/v1/uploads"


@register.simple_tag
def status(value: str) -> SafeString:
    """A status as icon, label and colour."""
    return _status_html(Status(value), Status(value).label)


def _status_html(status: Status, label: object) -> SafeString:
    return format_html(
        '<span class="status {}"><svg class="icon" aria-hidden="true">'
        '<use href="#i-{}"></use></svg>{}</span>',
        status.value,
        status.value,
        label,
    )


@register.simple_tag
def when(moment: datetime | None) -> SafeString | str:
    """A time: relative within a day; exact on hover and for machines.

    Only the script knows the reader's time zone; it replaces UTC by it.
    """
    if moment is None:
        return ""
    at = aware(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(timespec="milliseconds"),
        f"{at.day} {at:%b %Y, %H:%M:%S} UTC",
        formatting.ago(at, timezone.now()),
    )


@register.simple_tag
def ticking(since: datetime) -> SafeString:
    """The time since a moment; the script keeps counting."""
    seconds = (timezone.now() - since).total_seconds()
    return format_html(
        '<span class="figures" data-since="{}">{}</span>',
        aware(since).isoformat(timespec="milliseconds"),
        formatting.duration(seconds),
    )


@register.filter
def duration(span: timedelta | float | None) -> str:
    """Seconds, or a time delta, as ``1 m 12 s``."""
    if span is None:
        return ""
    return formatting.duration(span.total_seconds() if isinstance(span, timedelta) else span)


@register.filter
def names(text: str) -> str:
    """Names that a column has, separated by commas, as people read them."""
    return ", ".join(text.split(","))


@register.filter
def filesize(count: int) -> str:
    """Bytes as ``12 kB``."""
    return formatting.filesize(count)


@register.filter
def number(value: float) -> str:
    """A number with separators: ``620,000``."""
    return formatting.format_number(value)


@register.filter
def about(seconds: float) -> str:
    """An estimate, rounded as such: ``25 s``, ``3 m``, ``2 h``."""
    if seconds < formatting.MINUTE:
        step = 1 if seconds < 10 else 5
        return f"{max(1, round(seconds / step) * step)} s"
    if seconds < formatting.HOUR:
        return f"{round(seconds / formatting.MINUTE)} m"
    return f"{round(seconds / formatting.HOUR)} h"


@register.simple_tag
def took(run: Job | Attempt) -> str:
    """How long an attempt, or the last one of a job, took."""
    end = run.ended_at if isinstance(run, Attempt) else run.finished_at
    if run.started_at is None or end is None:
        return ""
    return f"took {formatting.duration((end - run.started_at).total_seconds())}"


@register.simple_tag
def owner_name(job: Job) -> str:
    """The name of a job's owner; "nobody" for a job of code, or when the user was deleted."""
    return name_of(job.owner_id) or "nobody"


@register.simple_tag
def attempt_number(job: Job) -> str:
    """The attempt: ``1 of 3``, or the failures that count when some were lost or released."""
    counted = job.failures + (job.status in (Status.RUNNING, Status.SUCCEEDED))
    if job.attempt == counted and job.attempt <= job.max_attempts:
        return f"{job.attempt} of {job.max_attempts}"
    return f"{job.attempt} ({job.failures} of {job.max_attempts} failures)"


@register.simple_tag
def outcome_mark(outcome: str) -> SafeString:
    """The outcome of an attempt, with the icon and colour of the status that is like it."""
    return _status_html(formatting.status_like(outcome), AttemptOutcome(outcome).label)


@register.simple_tag
def json_value(value: object) -> SafeString | str:
    """A single JSON value as people read it."""
    if value is None:
        return format_html('<span class="soft">{}</span>', "none")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return format(value, ".12g")
    return str(value)


@register.filter
def at(items: list[object], index: int) -> object:
    """The item with an index."""
    return items[index]


@register.filter
def percent(value: float) -> str:
    """``62 %``, rounded down: 100 means complete."""
    return f"{int(value)}\N{NO-BREAK SPACE}%"
