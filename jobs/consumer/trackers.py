"""Sending what trackers and tracers still hold, before a process leaves without ``atexit``."""

from __future__ import annotations

from jobs.core.tracing import flush_spans

from . import sentry


def flush_trackers(seconds: float) -> None:
    """Have events and spans sent; each within so many seconds."""
    sentry.flush(seconds)
    flush_spans(seconds)
