"""Messages are sent by a thread, so that no submission waits for a broker."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Sequence

import pytest

from jobs.brokers import publisher
from jobs.brokers.publisher import Publisher, WakeUp
from tests.subprocesses import ROOT

SECONDS = 10.0


class Recorder(Publisher):
    """Records what was sent, batch by batch, as the queues of each."""

    def __init__(self) -> None:
        self.sent: list[list[str]] = []
        self.sending = threading.Event()
        self.answer = threading.Event()
        self.answer.set()
        self.failures = 0
        super().__init__("Recorder", self._record)

    def _record(self, batch: Sequence[WakeUp]) -> None:
        self.sending.set()
        assert self.answer.wait(SECONDS)
        if self.failures:
            self.failures -= 1
            raise OSError("no answer")
        self.sent.append([queue for queue, _ in batch])

    def put_all(self, *queues: str) -> None:
        for queue in queues:
            self.put(queue, uuid.uuid4())


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_a_message_is_sent_by_the_thread(recorder: Recorder) -> None:
    recorder.answer.clear()
    recorder.put_all("a")
    assert not recorder.flush(0.01), "its answer is still to come"
    recorder.answer.set()
    assert recorder.flush(SECONDS)
    assert recorder.sent == [["a"]]


def test_warming_up_sends_an_empty_batch(recorder: Recorder) -> None:
    recorder.warm_up()
    assert recorder.flush(SECONDS)
    assert recorder.sent == [[]]


def test_what_comes_while_a_batch_is_sent_goes_in_the_next_one(recorder: Recorder) -> None:
    recorder.answer.clear()
    recorder.put_all("a")
    assert recorder.sending.wait(SECONDS)
    recorder.put_all("b", "c")
    recorder.answer.set()
    assert recorder.flush(SECONDS)
    assert recorder.sent == [["a"], ["b", "c"]]


def test_what_could_not_be_sent_is_sent_again(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(publisher, "RETRY_SECONDS", 0.01)
    recorder.failures = 1
    recorder.put_all("a")
    assert recorder.flush(SECONDS)
    recorder.put_all("b")
    assert recorder.flush(SECONDS)
    assert recorder.sent == [["a"], ["b"]]
    assert [record.getMessage() for record in caplog.records] == [
        "Recorder accepts no messages (no answer): jobs start later.",
        "Recorder accepts messages again.",
    ]


def test_what_fails_twice_is_dropped_and_the_next_is_sent(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its job is in the table, which consumers poll."""
    monkeypatch.setattr(publisher, "RETRY_SECONDS", 0.01)
    recorder.failures = 2
    recorder.put_all("a")
    assert recorder.flush(SECONDS)
    recorder.put_all("b")
    assert recorder.flush(SECONDS)
    assert recorder.sent == [["b"]]
    said = [message for message in caplog.messages if "accepts no messages" in message]
    assert len(said) == 1, "an outage is one line, however many messages it costs"


def test_no_more_than_so_many_wait_while_the_broker_is_away(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their jobs are in the table; what waits here is in a web process's memory."""
    monkeypatch.setattr(publisher, "MOST_WAITING", 3)
    recorder.answer.clear()
    recorder.put_all("a")
    assert recorder.sending.wait(SECONDS)
    recorder.put_all(*"bcdefgh")
    recorder.answer.set()
    assert recorder.flush(SECONDS)
    assert recorder.sent == [["a"], ["b", "c", "d"]]
    recorder.put_all("i")
    assert recorder.flush(SECONDS)
    assert recorder.sent[-1] == ["i"], "once they are sent, there is room again"


PUBLISHES = """
import os, time, uuid
import django
django.setup()
from jobs.brokers.publisher import Publisher

def send(batch):
    time.sleep(0.2)
    print("sent", *(queue for queue, _ in batch), flush=True)

publisher = Publisher("Test", send)
publisher.put("a", uuid.uuid4())
"""
FORKS = """
assert publisher.flush(20)
if os.fork() == 0:
    publisher.put("b", uuid.uuid4())
    os._exit(0 if publisher.flush(20) else 3)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
"""


def _run(code: str) -> str:
    command = [sys.executable, "-W", "ignore", "-c", code]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def test_what_waits_when_the_process_ends_is_sent() -> None:
    assert _run(PUBLISHES) == "sent a\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process forks here")
def test_a_forked_process_has_a_thread_of_its_own() -> None:
    assert _run(PUBLISHES + FORKS) == "sent a\nsent b\n"
