"""The trace that a job was submitted in is kept with it, where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import lifecycle
from jobs.compat import task
from jobs.core.states import AttemptOutcome
from jobs.lifecycle import producer_span
from jobs.models import Job
from tests.factories import end, take_one
from tests.integration.api_client import Api
from tests.integration.api_tasks import ADD
from tests.testapp import tasks

with suppress(ImportError):
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

pytestmark = [pytest.mark.django_db, pytest.mark.trackers]
HEADER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def otel_sdk() -> None:
    pytest.importorskip("opentelemetry.sdk")


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What a project that has configured OpenTelemetry exports."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


def request() -> Any:
    """The span of a request, current in its block."""
    return trace.get_tracer("project").start_as_current_span("POST /orders")


def hexadecimal(span: Any) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def test_a_submission_is_a_span_below_that_of_the_request(spans: InMemorySpanExporter) -> None:
    with request() as above:
        result = tasks.square.using(queue_name="mail").enqueue(7)

    (span,) = sent(spans)
    assert span.name == "send testapp.square"
    assert span.parent.span_id == above.get_span_context().span_id
    assert dict(span.attributes or {}) == {
        "messaging.system": "jobdesk",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "mail",
        "messaging.message.id": result.id,
        "jobs.task": "testapp.square",
    }
    assert Job.objects.get(pk=result.id).traceparent == hexadecimal(span)


@task
def plain(n: int) -> int:
    """A task of Django's own."""
    return n


def test_each_way_to_submit_keeps_it(spans: InMemorySpanExporter) -> None:
    with request():
        plain.enqueue(1)
        tasks.square.enqueue_many([{"n": 1}, {"n": 2}])
    jobs = list(Job.objects.all())
    assert len(jobs) == 3
    assert all(job.traceparent for job in jobs)
    assert len({job.traceparent for job in jobs}) == 2, "many at once share a span"
    counts = [(one.attributes or {}).get("messaging.batch.message_count") for one in sent(spans)]
    assert counts == [None, 2]


def sent(spans: InMemorySpanExporter) -> list[Any]:
    return [one for one in spans.get_finished_spans() if one.kind == trace.SpanKind.PRODUCER]


def test_without_a_span_there_is_none(spans: InMemorySpanExporter) -> None:
    with CaptureQueriesContext(connection) as queries:
        tasks.square.enqueue(7)
        tasks.square.enqueue_many([{"n": 1}, {"n": 2}])
    assert not Job.objects.exclude(traceparent=None).exists()
    assert spans.get_finished_spans() == ()
    inserts = [one["sql"] for one in queries if "INSERT INTO jobs_job " in one["sql"]]
    assert len(inserts) == 2


def test_a_conflict_is_no_error_of_the_span(spans: InMemorySpanExporter) -> None:
    """The submitter gets the job that is there."""
    for _ in range(2):
        with request():
            tasks.square.options(unique_key="k").enqueue(7)
    *_, conflict = sent(spans)
    assert Job.objects.count() == 1
    assert conflict.events == ()
    assert conflict.status.status_code is trace.StatusCode.UNSET


def test_without_opentelemetry_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer_span, "trace_api", lambda: None)
    tasks.square.enqueue(7)
    tasks.square.enqueue_many([{"n": 1}])
    assert list(Job.objects.values_list("traceparent", flat=True)) == [None, None]


def test_a_claim_has_it_and_a_retry_keeps_it(spans: InMemorySpanExporter) -> None:
    with request():
        tasks.square.options(max_attempts=1).enqueue(7)
    kept = Job.objects.get().traceparent
    claim = take_one()
    assert kept
    assert claim.traceparent == kept
    end(claim, AttemptOutcome.FAILED)
    lifecycle.requeue_job(Job.objects.get())
    assert take_one().traceparent == kept


def test_the_header_of_an_api_request_is_kept(api: Api) -> None:
    first = api.submit(ADD, args={"n": 1}, headers={"traceparent": HEADER})
    second = api.submit(ADD, args={"n": 1}, headers={"traceparent": f"{HEADER}-more"})
    assert (first.status_code, second.status_code) == (202, 202)
    found = [Job.objects.get(pk=one.json()["id"]).traceparent for one in (first, second)]
    assert found == [HEADER, None]
    assert "traceparent" not in first.json()


def test_the_header_is_above_the_submission_where_the_site_traces(
    api: Api, spans: InMemorySpanExporter
) -> None:
    api.submit(ADD, args={"n": 1}, headers={"traceparent": HEADER})
    (span,) = sent(spans)
    assert span.parent.span_id == int(HEADER.split("-")[2], 16)
    assert Job.objects.get().traceparent == hexadecimal(span)


def test_the_span_of_the_request_comes_before_the_header(
    api: Api, spans: InMemorySpanExporter
) -> None:
    with request() as above:
        api.submit(ADD, args={"n": 1}, headers={"traceparent": HEADER})
    (span,) = sent(spans)
    assert span.parent.span_id == above.get_span_context().span_id
