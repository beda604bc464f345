"""The span of a submission, to which the span of the job links."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from jobs.core.tracing import SYSTEM, remote_span, trace_api, traceparent_of, tracer
from jobs.models import Job

_NOTHING: Final = nullcontext()


def producer_span(job: Job, count: int = 1) -> AbstractContextManager[None]:
    """Wrap the insertion of a job in a span, and keep that span's ``traceparent`` in the job.

    There is one only below another span: that of a request, or the one that the request names. A
    ``traceparent`` that the job has already is kept where nothing traces here.

    Args:
        job: not yet inserted; the template of many.
        count: how many are inserted.
    """
    trace = trace_api()
    if trace is None:
        return _NOTHING
    if not trace.get_current_span().get_span_context().is_valid and job.traceparent is None:
        return _NOTHING
    return _producer_span(trace, job, count)


@contextmanager
def _producer_span(trace: Any, job: Job, count: int) -> Iterator[None]:
    context = None
    if not trace.get_current_span().get_span_context().is_valid:
        context = trace.set_span_in_context(remote_span(trace, job.traceparent or ""))
    attributes: dict[str, Any] = {
        "messaging.system": SYSTEM,
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": job.queue,
        "jobs.task": job.task,
    }
    if count == 1:
        attributes["messaging.message.id"] = str(job.id)
    else:
        attributes["messaging.batch.message_count"] = count
    with tracer(trace).start_as_current_span(
        f"send {job.task}",
        context,
        trace.SpanKind.PRODUCER,
        attributes,
        # What is raised may be a conflict, after which the submitter gets the job that is there.
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        job.traceparent = traceparent_of(span)
        yield
