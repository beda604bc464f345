"""What error trackers see of real consumers: Sentry's own client, and what hooks ``logging``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from jobs.submission import cancel_job
from tests.consumers import Consumers, stored, wait_finished, wait_status
from tests.testapp import tasks
from tests.testapp import tracked_tasks as tracked

with suppress(ImportError):
    from opentelemetry import trace

pytestmark = [pytest.mark.processes, pytest.mark.trackers]

SETTINGS = "tests.processes.tracker_settings"
ALWAYS_FINAL: dict[str, tuple[Any, dict[str, Any], str]] = {
    "thread": (tracked.in_thread, {"name": "ann"}, "LookupError"),
    "process": (tracked.in_process, {"name": "ben"}, "LookupError"),
    "loop": (tracked.in_loop, {"name": "cleo"}, "LookupError"),
    "gives up": (tracked.gives_up, {}, "GiveUp"),
    "no JSON": (tracked.returns_no_json, {}, "TypeError"),
    "exits": (tasks.leave, {}, "SystemExit"),
    "dies": (tracked.dies, {}, "WorkerDied"),
    "late process": (tasks.late_in_process, {"path": "never"}, "Timeout"),
    "late loop": (tasks.late_in_loop, {}, "Timeout"),
    "late thread": (tasks.late, {"path": "never"}, "Timeout"),
}
REPLACES_THE_PROCESS = "late thread"
"""It runs last: jobs that were not claimed yet would wait for another process to be started."""


@pytest.fixture(autouse=True)
def sdks() -> None:
    pytest.importorskip("sentry_sdk")
    pytest.importorskip("opentelemetry.sdk")


@pytest.fixture
def events(tmp_path: Path) -> Callable[[], dict[str, list[Any]]]:
    """Return the events that were sent, by the job's id; "" for those without."""

    def read() -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = defaultdict(list)
        path = tmp_path / "var" / "events.jsonl"
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            event = json.loads(line)
            found[event.get("tags", {}).get("job_id", "")].append(event)
        return found

    return read


def exception(event: Any) -> Any:
    return event["exception"]["values"][-1]


def trail(event: Any) -> list[str]:
    return [
        one["message"]
        for one in event["breadcrumbs"]["values"]
        if str(one.get("message")).startswith("trail")
    ]


def test_each_failed_attempt_is_one_event_with_its_exception(
    consumers: Consumers, events: Any, tmp_path: Path
) -> None:
    request = trace.SpanContext(0xCD, 0xAB, is_remote=False, trace_flags=trace.TraceFlags(1))
    span = trace.NonRecordingSpan(request)
    with trace.use_span(span):
        ids = {
            name: task.enqueue(**given).id
            for name, (task, given, _) in ALWAYS_FINAL.items()
            if name != REPLACES_THE_PROCESS
        }
        twice, fine = tracked.in_two_attempts.enqueue().id, tracked.succeeds.enqueue().id
    held = tasks.hold.enqueue(path=str(tmp_path / "never")).id

    consumer = consumers.start("--concurrency=8", DJANGO_SETTINGS_MODULE=SETTINGS)
    wait_status(held, "running", timeout=60)
    cancel_job(stored(held).pk, "ada")
    for job_id in (*ids.values(), twice, fine, held):
        wait_finished(job_id, timeout=60)
    with trace.use_span(span):
        task, given, _ = ALWAYS_FINAL[REPLACES_THE_PROCESS]
        ids[REPLACES_THE_PROCESS] = task.enqueue(**given).id
    wait_finished(ids[REPLACES_THE_PROCESS], timeout=60)
    assert consumer.stop() == 0

    found = events()
    for name, (task, _, kind) in ALWAYS_FINAL.items():
        assert len(found[ids[name]]) == 1, name
        (event,) = found[ids[name]]
        assert (event["level"], exception(event)["type"]) == ("error", kind), name
        tags = {key: event["tags"][key] for key in ("task", "job_id", "attempt", "queue")}
        assert tags == {
            "task": task.name,
            "job_id": ids[name],
            "attempt": str(stored(ids[name]).attempt),
            "queue": "default",
        }
        assert event["transaction"] == task.name
    levels = [(one["tags"]["attempt"], one["level"]) for one in found[twice]]
    assert sorted(levels) == [("1", "warning"), ("2", "error")]
    assert found.keys() == {*ids.values(), twice}, "a success and a cancel are no errors"

    for name in ("thread", "process", "loop"):
        (event,) = found[ids[name]]
        frames = exception(event)["stacktrace"]["frames"]
        owner = ALWAYS_FINAL[name][1]["name"]
        assert frames[0]["module"] == tracked.__name__, "no frame of ours comes before the task's"
        assert frames[-1]["function"] == "in_thread"
        assert frames[-1]["vars"]["number"] == "7"
        assert trail(event) == [f"trail of {owner}"], "another job's would be here too"
        assert event["tags"]["trail"] == owner
    traces = {found[job_id][0]["contexts"]["trace"]["trace_id"] for job_id in ids.values()}
    assert len(traces) == len(ids), "jobs share no trace"
    check_spans(spans(tmp_path), ids, twice, fine, held)


def spans(folder: Path) -> dict[str, list[Any]]:
    """Return the spans that were exported, by the job's id or, of a task's own, by their name."""
    found: dict[str, list[Any]] = defaultdict(list)
    for line in (folder / "var" / "spans.jsonl").read_text(encoding="utf-8").splitlines():
        span = json.loads(line)
        found[span["attributes"].get("messaging.message.id", span["name"])].append(span)
    return found


def check_spans(
    found: dict[str, list[Any]], ids: dict[str, str], twice: str, fine: str, held: str
) -> None:
    for name, (task, _, kind) in ALWAYS_FINAL.items():
        (span,) = found[ids[name]]
        assert (span["name"], span["kind"]) == (f"process {task.name}", "SpanKind.CONSUMER")
        (link,) = span["links"]
        assert link["context"]["span_id"] == "0x00000000000000ab", "the request's"
        assert span["parent_id"] is None
        assert span["status"]["status_code"] == "ERROR"
        (event,) = span["events"]
        assert event["attributes"]["exception.type"].rpartition(".")[2] in {kind, "InvalidResult"}
        attributes = span["attributes"]
        assert attributes["messaging.destination.name"] == "default"
        assert (attributes["jobs.task"], attributes["jobs.attempt"]) == (
            task.name,
            stored(ids[name]).attempt,
        )
    assert len(found[twice]) == 2, "a span an attempt"
    for job_id, outcome in ((fine, "succeeded"), (held, "cancelled")):
        (span,) = found[job_id]
        assert span["status"]["status_code"] == "UNSET"
        assert span["attributes"]["jobs.outcome"] == outcome
        assert len(span["links"]) == (job_id == fine), "the other was submitted outside a span"
    for name in ("thread", "process", "loop"):
        (own,) = found[f"span of {ALWAYS_FINAL[name][1]['name']}"]
        (span,) = found[ids[name]]
        assert own["parent_id"] == span["context"]["span_id"]
        assert own["context"]["trace_id"] == span["context"]["trace_id"]


REQUESTS = """
import django
django.setup()
import sentry_sdk
from django.contrib.auth.views import LoginView
from django.test import Client
from jobs.api import endpoint
def broken(*args, **kwargs):
    [request] = [one for one in args if hasattr(one, "path")]
    raise ZeroDivisionError(f"a bug of {request.path}")
endpoint.require_caller = LoginView.dispatch = broken
client = Client(raise_request_exception=False)
print([client.get(path).status_code for path in ("/api/v1/jobs", "/sign-in/")])
sentry_sdk.flush()
"""


def test_a_bug_in_a_view_is_one_event(consumers: Consumers, events: Any, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", REQUESTS],
        env=consumers.environment(DJANGO_SETTINGS_MODULE=SETTINGS, ALLOWED_HOSTS="testserver"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "[500, 500]", done.stderr
    found = events()[""]
    assert [exception(one)["value"] for one in found] == [
        "a bug of /api/v1/jobs",
        "a bug of /sign-in/",
    ]
