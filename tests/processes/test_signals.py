"""``task_started`` and ``task_finished`` as real consumers send them, and the mail to ADMINS."""

from __future__ import annotations

import email
import json
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from jobs.submission import cancel_job
from tests.consumers import Consumers, stored, wait_finished, wait_status
from tests.testapp import tasks
from tests.waiting import wait_until

pytestmark = pytest.mark.processes

SETTINGS = "tests.processes.signal_settings"


@pytest.fixture
def told(tmp_path: Path) -> Callable[[str, str], list[Any]]:
    """Return what the receivers of a signal have seen of a job."""

    def read(signal: str, job_id: str) -> list[Any]:
        path = tmp_path / "var" / "signals.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        seen = [json.loads(line) for line in lines]
        return [one for one in seen if (one["signal"], one["id"]) == (signal, job_id)]

    return read


def mails(folder: Path) -> list[Message]:
    files = sorted((folder / "var" / "mail").glob("*"))
    return [email.message_from_bytes(path.read_bytes()) for path in files]


def test_a_success_is_told_once_the_row_says_so(consumers: Consumers, told: Any) -> None:
    result = tasks.square.using(priority=7, queue_name="mail").enqueue(7)

    consumers.run_until_idle(DJANGO_SETTINGS_MODULE=SETTINGS)

    (started,), (finished,) = told("started", result.id), told("finished", result.id)
    assert (started["status"], started["row"], started["attempts"]) == ("RUNNING", "running", 1)
    assert (finished["status"], finished["row"]) == ("SUCCESSFUL", "succeeded")
    assert finished["finished_at"] == str(stored(result.id).finished_at)
    assert started["enqueued_at"] == finished["enqueued_at"] == str(result.enqueued_at)
    assert started["task"] == finished["task"] == [7, "mail"]
    assert (finished["errors"], finished["active"]) == ([], None)
    assert {started["sender"], finished["sender"]} == {"JobsBackend"}


def test_a_retry_is_no_end(consumers: Consumers, told: Any, tmp_path: Path) -> None:
    result = tasks.fail.enqueue(1, str(tmp_path / "count"))
    consumer = consumers.start(DJANGO_SETTINGS_MODULE=SETTINGS)

    wait_finished(result.id)
    assert consumer.stop() == 0

    (finished,) = told("finished", result.id)
    assert len(told("started", result.id)) == 2
    assert (finished["status"], finished["row"]) == ("SUCCESSFUL", "succeeded")
    assert (finished["errors"], finished["attempts"]) == (["ValueError"], 2)
    assert mails(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("raise_inner", "Empty", "nothing is on the shelf"),
        ("raise_as_coroutine", "ValueError", "raised in a coroutine"),
        ("raise_in_process", "ValueError", "raised in a process"),
        ("leave", "SystemExit", "goodbye"),
        ("die", "WorkerDied", "worker process died"),
        ("late_in_loop", "Timeout", "timed out after 0.5 s"),
        ("no_json", "TypeError", "object"),
    ],
)
def test_a_failure_is_told_with_its_exception_and_mailed_once(
    consumers: Consumers, told: Any, tmp_path: Path, name: str, kind: str, text: str
) -> None:
    result = getattr(tasks, name).enqueue()

    consumers.run_until_idle(DJANGO_SETTINGS_MODULE=SETTINGS)

    (finished,) = told("finished", result.id)
    assert (finished["status"], finished["row"]) == ("FAILED", "failed")
    assert finished["errors"] == [kind]
    assert finished["active"] == kind
    assert text in finished["traceback"]
    assert finished["finished_at"] != "None"
    (mail,) = mails(tmp_path)
    assert result.id in str(mail["Subject"])
    body = mail.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert text in body.decode()
    if finished["traceback"].startswith("Traceback"):
        assert f"in {name}" in body.decode(), "the mail shows where the task raised it"


def test_a_job_that_fails_twice_is_mailed_once(
    consumers: Consumers, told: Any, tmp_path: Path
) -> None:
    result = tasks.fail.options(max_attempts=2).enqueue(9, str(tmp_path / "count"))
    consumer = consumers.start(DJANGO_SETTINGS_MODULE=SETTINGS)

    wait_finished(result.id)
    assert consumer.stop() == 0

    (finished,) = told("finished", result.id)
    assert finished["errors"] == ["ValueError", "ValueError"]
    assert len(mails(tmp_path)) == 1


def test_a_job_that_kills_its_process_is_told(
    consumers: Consumers, told: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tasks.kill_the_consumer.options(max_attempts=1).enqueue()
    # Lost once: it gets a process of its own from then on, which its consumer survives.
    consumers.launch(DJANGO_SETTINGS_MODULE=SETTINGS).wait()
    consumers.start(DJANGO_SETTINGS_MODULE=SETTINGS)

    wait_finished(result.id, timeout=60)

    (finished,) = wait_until(lambda: told("finished", result.id), what="the signal")
    assert (finished["errors"], finished["active"]) == (["WorkerDied"], "WorkerDied")


def test_a_cancel_while_it_runs_is_told(consumers: Consumers, told: Any, tmp_path: Path) -> None:
    consumer = consumers.start(DJANGO_SETTINGS_MODULE=SETTINGS)
    result = tasks.hold.enqueue(str(tmp_path / "never"))
    wait_status(result.id, "running")

    cancel_job(stored(result.id).pk, "ada")
    wait_finished(result.id)
    assert consumer.stop() == 0

    (finished,) = told("finished", result.id)
    assert (finished["status"], finished["row"]) == ("FAILED", "cancelled")
    assert (finished["errors"], finished["active"]) == (["JobCancelled"], "JobCancelled")
