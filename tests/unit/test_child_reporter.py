"""A child process passes on what its task reports, and nothing that comes after the task."""

from __future__ import annotations

import io
import json
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer.task_process import run
from jobs.consumer.task_process.protocol import MessageWriter
from jobs.consumer.task_process.run import ChildReporter
from jobs.lifecycle import StoredArtifact
from tests.claims import make_claim


def messages(pipe: io.BytesIO) -> list[Any]:
    return [json.loads(line) for line in pipe.getvalue().splitlines()]


def test_nothing_is_sent_after_the_end() -> None:
    """The parent would take it for a report of the child's next job."""
    pipe = io.BytesIO()
    reporter = ChildReporter(MessageWriter(pipe), make_claim())
    reporter.log("during")
    reporter.end()

    reporter.log("after")
    reporter.print("after")
    reporter.progress(1, 2, "after")
    reporter.flush()
    with pytest.raises(RuntimeError, match="has ended"):
        reporter.artifact("a.txt", "after")

    assert reporter.settled
    assert messages(pipe) == [{"log": "during"}]


def test_a_report_that_is_being_sent_is_sent_before_the_end() -> None:
    """Whoever sees the end has seen all reports, whatever thread sends them."""
    begun, go_on = threading.Event(), threading.Event()

    class Slow(io.BytesIO):
        def write(self, data: Any, /) -> int:
            begun.set()
            go_on.wait(10)
            return super().write(data)

    pipe = Slow()
    reporter = ChildReporter(MessageWriter(pipe), make_claim())
    talker = threading.Thread(target=reporter.print, args=("during",))
    talker.start()
    begun.wait(10)
    ender = threading.Thread(target=reporter.end)
    ender.start()
    assert not reporter.settled
    go_on.set()
    ender.join(10)
    talker.join(10)
    assert (reporter.settled, messages(pipe)) == (True, [{"print": "during"}])


def test_progress_is_sent_no_more_often_than_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that reports each of a million lines would spend its time on the pipe."""
    now = [100.0]
    monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=lambda: now[0]))
    pipe = io.BytesIO()
    reporter = ChildReporter(MessageWriter(pipe), make_claim())
    for done in range(5):
        reporter.progress(done, 9, "")
    now[0] += run.PROGRESS_SECONDS
    reporter.progress(5, 9, "")
    reporter.progress(6, 9, "")
    reporter.stage("next", None, None)
    reporter.progress(1, 3, "")
    reporter.progress(2, 3, "")
    reporter.end()
    assert messages(pipe) == [
        {"progress": [0.0, 9.0, ""]},
        {"progress": [5.0, 9.0, ""]},
        {"stage": {"name": "next", "number": None, "of": None}},
        {"progress": [1.0, 3.0, ""]},
        {"progress": [2.0, 3.0, ""]},
    ]


def test_a_stored_file_is_told_to_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = make_claim()
    stored = StoredArtifact(claim.id, 1, "a.txt", 3, "text/plain", "artifacts/a")
    monkeypatch.setattr(run, "store_artifact", lambda *values: stored)
    pipe = io.BytesIO()
    reporter = ChildReporter(MessageWriter(pipe), claim)
    reporter.artifact("a.txt", b"abc")
    (message,) = messages(pipe)
    assert StoredArtifact(claim.id, 1, **message["artifact"]) == stored
    assert reporter._saved["a.txt"].size == 3, "the task itself sees it at once"
