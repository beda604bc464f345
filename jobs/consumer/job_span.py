"""The span of an attempt, by OpenTelemetry's conventions for messaging.

It is a root of its own with a link to the submission, not its child: a job may run hours after the
request has ended, more than once, and whether its trace is kept is not for the request's sampler.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from jobs.core.tracing import SYSTEM, records_spans, remote_span, trace_api, traceparent_of, tracer
from jobs.lifecycle import Claim, Outcome

logger = logging.getLogger("jobs")

_NOTHING: Final = nullcontext()


def start_span(claim: Claim) -> Any:
    """Start the span of an attempt; return None where nothing traces."""
    if not records_spans():
        return None
    trace = trace_api()
    from opentelemetry.context import Context

    links = []
    if claim.traceparent is not None:
        links = [trace.Link(remote_span(trace, claim.traceparent).get_span_context())]
    # Named for the task and not, as the conventions have it, for the destination: jobs of all kinds
    # share a queue, and a name is what people look for a trace by. The task is of few values too.
    return tracer(trace).start_span(
        f"process {claim.task}",
        Context(),
        trace.SpanKind.CONSUMER,
        {
            "messaging.system": SYSTEM,
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": claim.queue,
            "messaging.message.id": str(claim.id),
            "jobs.task": claim.task,
            "jobs.attempt": claim.attempt,
        },
        links,
    )


def current(span: Any) -> AbstractContextManager[Any]:
    """Within it, the span is the parent of those that the task starts."""
    if span is None:
        return _NOTHING
    return _use(trace_api(), span)


def continued(traceparent: str | None) -> AbstractContextManager[Any]:
    """The same in a child process, for the span that its parent has started."""
    trace = trace_api()
    if trace is None or traceparent is None:
        return _NOTHING
    return _use(trace, remote_span(trace, traceparent))


def _use(trace: Any, span: Any) -> AbstractContextManager[Any]:
    used: AbstractContextManager[Any] = trace.use_span(
        span, record_exception=False, set_status_on_exception=False
    )
    return used


def traceparent(span: Any) -> str | None:
    """Return what tells a child process of the span."""
    return None if span is None else traceparent_of(span)


def end_span(span: Any, outcome: Outcome) -> None:
    """End the span with how the attempt ended: a failure is an error, with its exception.

    Never raises: the attempt has to be written, whatever becomes of its span.
    """
    try:
        if span.is_recording():
            span.set_attribute("jobs.outcome", outcome.outcome.value)
            if outcome.is_failure:
                _set_error(span, outcome)
        span.end()
    except Exception:
        logger.exception("The span of a job could not be ended.")


def _set_error(span: Any, outcome: Outcome) -> None:
    trace = trace_api()
    span.set_attribute("error.type", outcome.error_type)
    # As ``record_exception``, which needs the object: that may be in another process.
    exception = {"exception.type": outcome.error_type, "exception.message": outcome.message}
    if outcome.traceback:
        exception["exception.stacktrace"] = outcome.traceback
    span.add_event("exception", exception)
    description = f"{outcome.error_type}: {outcome.message}"
    span.set_status(trace.Status(trace.StatusCode.ERROR, description))
