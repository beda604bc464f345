"""What tracers and error trackers are told of a job, by the calls that they get."""

from __future__ import annotations

import logging
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer import job_span, sentry, trackers, watching
from jobs.consumer.attempt import Attempt
from jobs.core.states import AttemptOutcome
from jobs.core.tracing import trace_api
from jobs.lifecycle import Outcome
from tests.claims import make_claim


class Client:
    """Stands in for ``sentry_sdk``: notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.processors: list[Any] = []

    @contextmanager
    def _opened(self, name: str) -> Any:
        self.calls.append(name)
        yield self
        self.calls.append(f"{name} ends")

    def isolation_scope(self) -> Any:
        return self._opened("scope of a job")

    def new_scope(self) -> Any:
        return self._opened("scope of an event")

    def add_event_processor(self, processor: Any) -> None:
        self.processors.append(processor)

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any, **named: Any) -> None:
            self.calls.append((name, *given, *named.values()))

        return call


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client()
    monkeypatch.setattr(sentry, "_active_sdk", lambda: made)
    return made


def test_a_job_has_a_scope_of_its_own(client: Client) -> None:
    """Otherwise its events would have the breadcrumbs of those before it on the thread."""
    claim = make_claim(attempt=2)
    with sentry.job_scope(claim):
        assert client.calls == [
            "scope of a job",
            ("clear_breadcrumbs",),
            ("set_new_propagation_context",),
            ("set_transaction_name", claim.task, "task"),
            ("set_tag", "task", claim.task),
            ("set_tag", "job_id", str(claim.id)),
            ("set_tag", "attempt", "2"),
            ("set_tag", "queue", "default"),
        ]
    assert client.calls[-1] == "scope of a job ends"


@pytest.mark.parametrize("made_by_the_log", [True, False])
def test_a_failure_is_one_event(client: Client, made_by_the_log: bool) -> None:
    """From which level on a log record is one, is for the project to say."""
    error, event = ValueError("of the task"), object()
    kept: list[Any] = []

    def log() -> None:
        client.calls.append("logged")
        if made_by_the_log:
            kept.append(client.processors[0](event, None))

    sentry.report(make_claim(), error, logging.WARNING, log)
    assert client.calls[0] == "scope of an event"
    assert ("set_tag", "attempt", "1") in client.calls
    expected = [] if made_by_the_log else [("capture_exception", error, "warning")]
    assert client.calls[client.calls.index("logged") + 1 : -1] == expected
    assert kept == ([event] if made_by_the_log else []), "the event is sent"


def test_without_it_a_failure_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentry, "_active_sdk", lambda: None)
    logged: list[str] = []
    sentry.report(make_claim(), ValueError(), logging.ERROR, lambda: logged.append("logged"))
    assert logged == ["logged"]
    sentry.flush(2.0)
    assert not sentry.is_active()
    assert isinstance(sentry.job_scope(make_claim()), nullcontext)


@pytest.mark.parametrize(
    ("sdk", "used"),
    [
        (None, False),
        (SimpleNamespace(), False),  # before version 2
        (SimpleNamespace(isolation_scope=None, active=False), False),
        (SimpleNamespace(isolation_scope=None, active=True), True),
    ],
)
def test_it_is_used_where_the_project_has_configured_it(
    sdk: Any, used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if hasattr(sdk, "active"):
        sdk.get_client = lambda: SimpleNamespace(is_active=lambda: sdk.active)
    monkeypatch.setattr(sentry, "loaded", lambda name: sdk)
    assert sentry.is_active() is used


def test_a_process_that_leaves_sends_what_both_hold(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers, "flush_spans", client.calls.append)
    trackers.flush_trackers(2.0)
    assert client.calls == [("flush", 2.0), 2.0]


# Spans.


class Spans:
    """The tracer of a test, and the spans that have ended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sdk = pytest.importorskip("opentelemetry.sdk.trace")
        export = pytest.importorskip("opentelemetry.sdk.trace.export")
        memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
        self._exporter = memory.InMemorySpanExporter()
        self.provider = sdk.TracerProvider()
        self.provider.add_span_processor(export.SimpleSpanProcessor(self._exporter))
        tracer = self.provider.get_tracer("test")
        monkeypatch.setattr(job_span, "records_spans", lambda: True)
        monkeypatch.setattr(job_span, "tracer", lambda trace: tracer)

    @property
    def ended(self) -> Any:
        return self._exporter.get_finished_spans()


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    return Spans(monkeypatch)


TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_an_attempt_is_a_root_that_links_to_its_submission(spans: Spans) -> None:
    claim = make_claim(attempt=2, traceparent=f"00-{TRACE}-{PARENT}-01")
    span = job_span.start_span(claim)
    with job_span.current(span):
        assert trace_api().get_current_span() is span
    job_span.end_span(span, Outcome(claim=claim, outcome=AttemptOutcome.SUCCEEDED))
    [ended] = spans.ended
    assert ended.parent is None
    assert [f"{link.context.trace_id:032x}" for link in ended.links] == [TRACE]
    assert dict(ended.attributes) == {
        "messaging.system": "jobdesk",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "default",
        "messaging.message.id": str(claim.id),
        "jobs.task": claim.task,
        "jobs.attempt": 2,
        "jobs.outcome": "succeeded",
    }
    assert ended.name == f"process {claim.task}"
    assert ended.status.is_unset
    assert not ended.events


@pytest.mark.parametrize("traceback", ["", "Traceback: of the task"])
def test_a_failure_is_an_error_with_its_exception(spans: Spans, traceback: str) -> None:
    claim = make_claim()
    span = job_span.start_span(claim)
    failed = Outcome(
        claim=claim,
        outcome=AttemptOutcome.FAILED,
        error_type="ValueError",
        message="m",
        traceback=traceback,
    )
    job_span.end_span(span, failed)
    [ended] = spans.ended
    assert not ended.links
    assert ended.attributes["error.type"] == "ValueError"
    [event] = ended.events
    stack = {"exception.stacktrace": traceback} if traceback else {}
    said = {"exception.type": "ValueError", "exception.message": "m"}
    assert (event.name, dict(event.attributes)) == ("exception", said | stack)
    assert not ended.status.is_ok
    assert ended.status.description == "ValueError: m"


def test_a_child_process_goes_on_in_the_span_of_its_parent(spans: Spans) -> None:
    span = job_span.start_span(make_claim())
    told = job_span.traceparent(span)
    with job_span.continued(told):
        current = trace_api().get_current_span()
        assert current.get_span_context().span_id == span.get_span_context().span_id
    assert isinstance(job_span.continued(None), nullcontext)
    assert job_span.traceparent(None) is None


def test_where_nothing_traces_there_is_no_span(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_span, "records_spans", lambda: False)
    assert job_span.start_span(make_claim()) is None
    assert isinstance(job_span.current(None), nullcontext)
    monkeypatch.setattr(job_span, "trace_api", lambda: None)
    assert isinstance(job_span.continued(f"00-{TRACE}-{PARENT}-01"), nullcontext)


def test_a_tracer_that_fails_harms_no_job(caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("of the tracer")

    claim = make_claim()
    ended = Outcome(claim=claim, outcome=AttemptOutcome.SUCCEEDED)
    job_span.end_span(SimpleNamespace(is_recording=lambda: False, end=fail), ended)
    job_span.end_span(SimpleNamespace(is_recording=fail), ended)
    assert caplog.messages == ["The span of a job could not be ended."] * 2
    caplog.clear()
    ran: list[str] = []
    with watching.watched(claim, fail):  # type: ignore[arg-type]
        ran.append("without a span")

    @contextmanager
    def breaks_at_its_end() -> Any:
        yield
        fail()

    with watching.watched(claim, breaks_at_its_end):
        ran.append("with one")
    assert ran == ["without a span", "with one"]
    assert caplog.messages == [
        "A job could not be traced; it runs without.",
        "The trace of a job could not be ended.",
    ]


def test_an_attempt_runs_in_its_span(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = Attempt(make_claim(), lambda *_: None, "here:7")
    with watching.watched_attempt(attempt):
        assert attempt.span is not None
        assert trace_api().get_current_span() is attempt.span
    attempt.settle(Outcome(claim=attempt.claim, outcome=AttemptOutcome.SUCCEEDED))
    assert [span.name for span in spans.ended] == ["process testapp.square"]


@pytest.mark.parametrize(
    ("loaded", "records", "active", "watched"),
    [
        ("", True, True, False),  # what nobody has loaded is not asked
        ("opentelemetry.trace", True, False, True),
        ("sentry_sdk", False, True, True),
        ("sentry_sdk", False, False, False),
    ],
)
def test_a_job_is_watched_where_one_of_them_is_used(
    monkeypatch: pytest.MonkeyPatch, loaded: str, records: bool, active: bool, watched: bool
) -> None:
    monkeypatch.setattr(watching, "modules", {loaded: None} if loaded else {})
    monkeypatch.setattr(watching, "records_spans", lambda: records)
    monkeypatch.setattr(watching, "is_active", lambda: active)
    assert watching.is_watched() is watched
