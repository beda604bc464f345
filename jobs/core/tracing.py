"""OpenTelemetry, where the project has loaded it, and the W3C Trace Context that goes with a job.

Nothing here imports OpenTelemetry: a project that traces has loaded it before its first request,
and without it no span can be current. So it costs a look into ``sys.modules``.
"""

from __future__ import annotations

import re
from typing import Any, Final

from .loaded_modules import loaded

SYSTEM: Final = "jobdesk"
"""``messaging.system`` of our spans."""
_TRACEPARENT: Final = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_KNOWN_FLAGS: Final = 0x03
"""``sampled`` and, since level 2, ``random-trace-id``; others must be sent as 0."""


def parse_traceparent(header: str | None) -> str | None:
    """Return the ``traceparent`` header as version 00 has it; None if it is not valid.

    By W3C Trace Context, section 3.2: of a later version, what is known of it is used, unless
    there is something else than a dash after it; an invalid one is ignored. ``tracestate`` is left
    out: it is for whoever continues the trace, and a link to it needs none.
    """
    found = _TRACEPARENT.fullmatch(header or "")
    if found is None or found["version"] == "ff" or (found["version"] == "00" and found["more"]):
        return None
    if not int(found["trace"], 16) or not int(found["parent"], 16):
        return None
    return f"00-{found['trace']}-{found['parent']}-{int(found['flags'], 16) & _KNOWN_FLAGS:02x}"


def trace_api() -> Any:
    """Return the module ``opentelemetry.trace``; None where nobody has loaded it."""
    return loaded("opentelemetry.trace")


def records_spans() -> bool:
    """Whether the project has configured OpenTelemetry: the API alone records nothing.

    redis-py and other libraries import the API, for which a job is not to pay: its spans would cost
    25 us, more than all else of an empty job.
    """
    trace = trace_api()
    if trace is None:
        return False
    empty = (trace.ProxyTracerProvider, trace.NoOpTracerProvider)
    return not isinstance(trace.get_tracer_provider(), empty)


def tracer(trace: Any) -> Any:
    """Return our tracer."""
    return trace.get_tracer("jobs")


def traceparent_of(span: Any) -> str | None:
    """Return the ``traceparent`` of a span; None if it has no valid context."""
    context = span.get_span_context()
    if not context.is_valid:
        return None
    flags = int(context.trace_flags) & _KNOWN_FLAGS
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{flags:02x}"


def remote_span(trace: Any, traceparent: str) -> Any:
    """Return a span that stands for one of another process."""
    _, trace_id, span_id, flags = traceparent.split("-")
    context = trace.SpanContext(
        trace_id=int(trace_id, 16),
        span_id=int(span_id, 16),
        is_remote=True,
        trace_flags=trace.TraceFlags(int(flags, 16)),
    )
    return trace.NonRecordingSpan(context)


def flush_spans(seconds: float) -> None:
    """Send the spans that have ended: the SDK's ``atexit`` does not run where a process leaves."""
    trace = trace_api()
    flush = None if trace is None else getattr(trace.get_tracer_provider(), "force_flush", None)
    if flush is not None:
        flush(timeout_millis=int(seconds * 1000))
