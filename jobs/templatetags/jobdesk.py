"""What the templates say in Jobdesk's words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from .. import words
from ..states import Status

register = template.Library()
_SIGN_OUT_NAMES = ("sign-out", "sign_out", "logout", "admin:logout")


@register.simple_tag
def now_iso() -> str:
    """The server's time, from which the script learns how far the browser's clock is off."""
    return timezone.now().isoformat(timespec="milliseconds")


@register.simple_tag
def sign_out_url() -> str:
    """Where to sign out by POST, in this site or in whatever project has installed the app."""
    for name in _SIGN_OUT_NAMES:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return ""


@register.simple_tag
def status(value: str) -> SafeString:
    """A status as shape, word and colour."""
    known = Status(value)
    return format_html(
        '<span class="status {}"><svg class="icon" aria-hidden="true">'
        '<use href="#i-{}"></use></svg>{}</span>',
        known.value,
        known.value,
        known.label,
    )


@register.simple_tag
def when(moment: datetime | None) -> SafeString | str:
    """A moment: relative within a day; exact on hover and for machines.

    The zone of the reader is known to the script alone, which puts it in place of UTC.
    """
    if moment is None:
        return ""
    at = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(timespec="milliseconds"),
        f"{at.day} {at:%b %Y, %H:%M:%S} UTC",
        words.ago(at, timezone.now()),
    )


@register.simple_tag
def ticking(since: datetime) -> SafeString:
    """The time that has passed since a moment; the script counts on."""
    seconds = (timezone.now() - since).total_seconds()
    return format_html(
        '<span class="figures" data-since="{}">{}</span>',
        since.astimezone(UTC).isoformat(timespec="milliseconds"),
        words.duration(seconds),
    )


@register.filter
def duration(span: timedelta | float | None) -> str:
    """Seconds, or a time delta, as ``1 m 12 s``."""
    if span is None:
        return ""
    return words.duration(span.total_seconds() if isinstance(span, timedelta) else span)


@register.filter
def filesize(count: int) -> str:
    """Bytes as ``12 kB``."""
    return words.size(count)


@register.filter
def number(value: float) -> str:
    """A number with separators, without a fraction that says nothing: ``620,000``."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


@register.filter
def percent(value: float) -> str:
    """``62 %``, rounded down: 100 is kept for what is complete."""
    return f"{int(value)}\N{NO-BREAK SPACE}%"
