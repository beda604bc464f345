"""The snippets of ``jobs/docs/error-tracking.md`` do what the page says, in a project of theirs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.processes.test_own_tests import PYTEST, install, run
from tests.subprocesses import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.trackers]
DOCS = ROOT / "jobs" / "docs"

EXPORTER = """
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

sent = InMemorySpanExporter()


def OTLPSpanExporter():
    return sent
"""
"""In the place of the one that sends: it is the same interface of the SDK."""

ADMINS = """
import django

ADMINS = ["ada@example.com"] if django.VERSION >= (6, 0) else [("Ada", "ada@example.com")]
"""

CHECKS = """
from pathlib import Path

import django
import pytest
import sentry_sdk
from django.core import mail
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import sent
from opentelemetry.trace import SpanKind
from sentry_sdk.transport import Transport

from jobs.testing import drain, perform
from shop.tasks import send_invoice


class Collecting(Transport):
    def __init__(self):
        super().__init__()
        self.events = []

    def capture_envelope(self, envelope):
        event = envelope.get_event()
        if event is not None:
            self.events.append(event)


@pytest.fixture(autouse=True)
def transport(monkeypatch):
    made = Collecting()
    monkeypatch.setattr(sentry_sdk.get_client(), "transport", made)
    return made


@pytest.fixture(autouse=True)
def spans():
    trace.get_tracer_provider().force_flush()
    sent.clear()

    def exported():
        trace.get_tracer_provider().force_flush()
        return sent.get_finished_spans()

    return exported


def test_sentry_gets_each_failed_attempt(db, transport):
    send_invoice.enqueue(-1, "2026-03-01")
    drain(with_retries=True)
    assert [one["level"] for one in transport.events] == ["warning", "warning", "error"]
    for number, event in enumerate(transport.events, 1):
        assert event["exception"]["values"][-1]["type"] == "ValueError"
        assert event["tags"]["attempt"] == str(number)
        assert event["tags"]["task"] == event["transaction"] == "shop.send_invoice"


def test_the_tracker_gets_the_failed_job_alone(db):
    job = send_invoice.enqueue(-1, "2026-03-01")
    drain(with_retries=True)
    text = Path("failed.log").read_text(encoding="utf-8")
    _, _, found = text.partition(f"shop.send_invoice {job.id}: failed")
    assert "(attempt 3)" in found
    assert found.count("ValueError: no such order") == 1
    assert len(mail.outbox) == (1 if django.VERSION >= (6, 0) else 0)


def test_each_attempt_is_a_span_that_links_to_the_submission(db, spans):
    with trace.get_tracer("request").start_as_current_span("POST /orders"):
        send_invoice.enqueue(-1, "2026-03-01")
    drain(with_retries=True)
    submission, request, *attempts = spans()
    assert (submission.name, request.name) == ("send shop.send_invoice", "POST /orders")
    assert [one.attributes["jobs.attempt"] for one in attempts] == [1, 2, 3]
    for one in attempts:
        assert one.kind is SpanKind.CONSUMER
        assert one.links[0].context.span_id == submission.context.span_id
        assert not one.status.is_ok
        assert one.events[0].attributes["exception.type"] == "ValueError"


def test_perform_makes_a_span_and_no_event(spans, transport):
    perform(send_invoice, 7, "2026-03-01")
    with pytest.raises(ValueError, match="no such order"):
        perform(send_invoice, -1, "2026-03-01")
    assert [one.status.is_ok for one in spans()] == [True, False]
    assert transport.events == []


@pytest.mark.parametrize("wrapped", [False, True])
def test_what_a_task_does_is_below_its_span(db, spans, wrapped):
    from jobs import job

    async def body():
        with trace.get_tracer("own").start_as_current_span("inside"):
            pass

    def plain():
        with trace.get_tracer("own").start_as_current_span("inside"):
            pass

    perform(job(name=f"shop.own_{wrapped}")(body if wrapped else plain))
    inside, attempt = spans()
    assert inside.parent.span_id == attempt.context.span_id
"""


def blocks(page: str) -> list[str]:
    """The snippets of a page, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The example project with all that the page has for its settings and tests."""
    pytest.importorskip("sentry_sdk")
    pytest.importorskip("opentelemetry.sdk")
    folder = tmp_path / "documented"
    (folder / "shop").mkdir(parents=True)
    (tasks,) = (block for block in blocks("testing.md") if block.startswith("# shop/tasks.py"))
    *settings, own_test = blocks("error-tracking.md")
    assert len(settings) == 3
    base = (ROOT / "tests" / "shop" / "settings.py").read_text(encoding="utf-8")
    files = {
        "settings.py": "\n".join([base, *settings, ADMINS]),
        "shop/__init__.py": "",
        "shop/tasks.py": tasks,
        "test_own.py": own_test,
        "test_checks.py": CHECKS,
        "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = settings\n",
    }
    exporter = folder / "installed/opentelemetry/exporter/otlp/proto/http/trace_exporter.py"
    install(folder)
    exporter.parent.mkdir(parents=True)
    exporter.write_text(EXPORTER, encoding="utf-8")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_the_snippets_do_what_the_page_says(project: Path) -> None:
    done = run(project, *PYTEST)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout
