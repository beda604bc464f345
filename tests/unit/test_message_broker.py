"""What all brokers that carry messages do, without a server; and the threads that run claims."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.brokers import message_broker, plain_threads
from jobs.brokers.base import MessageSource, ReceivedMessage
from jobs.brokers.message_broker import MessageBroker
from jobs.brokers.plain_threads import RETRY_SECONDS, run_batch
from jobs.brokers.publisher import WakeUp
from jobs.brokers.wakeup.listener import SilentListener, TimedListener

DEADLINE = 30.0


class Silent:
    """A source of which nothing comes."""

    name = "One"
    errors: tuple[type[Exception], ...] = ()

    def receive(self, limit: int, seconds: float) -> list[ReceivedMessage]:
        return []

    def acknowledge(self, messages: Sequence[ReceivedMessage]) -> None: ...

    def close(self) -> None: ...


class OneBroker(MessageBroker):
    """Notes what is sent, and for which queues it is asked to connect."""

    title = "One"

    def __init__(self) -> None:
        self.sent: list[Sequence[WakeUp]] = []
        self.connected: list[str] = []
        super().__init__()

    def _send(self, batch: Sequence[WakeUp]) -> None:
        self.sent.append(batch)

    def _connect(self, queue: str) -> MessageSource:
        self.connected.append(queue)
        return Silent()


def test_what_is_notified_is_sent_when_the_process_ends() -> None:
    broker = OneBroker()
    job = uuid.uuid4()
    broker.warm_up()
    broker.flush(DEADLINE)
    assert broker.sent == [[]], "the first request connects it"
    broker.notify("a", job)
    broker.flush(DEADLINE)
    assert broker.sent == [[], [("a", job)]]


def test_a_broker_that_sends_or_receives_nothing_is_none() -> None:
    broker: Any = SimpleNamespace()
    with pytest.raises(NotImplementedError):
        MessageBroker._send(broker, [])
    with pytest.raises(NotImplementedError):
        MessageBroker._connect(broker, "a")


def test_each_queue_is_received_on_a_thread_that_is_awaited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[Any] = []
    broker = OneBroker()
    stopping = threading.Event()
    rounds = threading.Semaphore(0)

    def free_slots(queue: str, seconds: float) -> int:
        rounds.release()
        stopping.wait(DEADLINE)
        return 1

    port: Any = SimpleNamespace(
        consumer_id="7", stopping=stopping.is_set, free_slots=free_slots, pause=lambda s: None
    )

    def start(queues: Sequence[str], port: Any, threads: int) -> None:
        order.append((queues, threads, list(broker.connected)))

    monkeypatch.setattr(message_broker, "start_consuming", start)
    broker.consume(["a", "b"], port, 3)
    for _ in range(2):
        assert rounds.acquire(timeout=DEADLINE)
    assert order == [(["a", "b"], 3, [])], "before any client is imported"
    assert sorted(broker.connected) == ["a", "b"]
    assert broker._consumer_id == "7"
    threads = list(broker._receiving)
    stopping.set()
    broker.leave(DEADLINE)
    assert not any(thread.is_alive() for thread in threads)
    assert broker._receiving == []


def test_all_of_its_threads_have_one_time_to_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(message_broker, "time", SimpleNamespace(monotonic=lambda: now))
    waited: list[float] = []

    def join(seconds: float) -> None:
        nonlocal now
        now += 0.75
        waited.append(seconds)

    broker = OneBroker()
    thread: Any = SimpleNamespace(join=join)
    broker._receiving = [thread] * 3
    broker.leave(1.0)
    assert waited == [1.0, 0.25, 0.0]


def test_its_sources_adopt_what_the_dead_had() -> None:
    broker = OneBroker()
    broker.adopt_pending("ann")
    broker.adopt_pending("ben")
    assert broker._dead == ["ann", "ben"]


def test_messages_wake_a_consumer_and_its_listener_never() -> None:
    listener = OneBroker().listener()
    assert isinstance(listener, SilentListener)
    assert not listener.wait(0.0)
    listener.close()
    assert not listener.wait(3600)


def test_a_listener_without_notifications_reports_a_change_now_and_then() -> None:
    listener = TimedListener(0.0)
    assert listener.wait(3600)
    slow = TimedListener(3600)
    assert slow.wait(0.0), "no longer than it was asked to"
    slow.close()
    assert not slow.wait(3600), "nothing has changed: the consumer stops"


# Plain threads.


def test_a_fault_while_jobs_are_taken_ends_no_thread(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing else takes jobs from this queue."""
    taken: list[str] = []
    paused: list[float] = []

    def take(queue: str) -> list[Any]:
        taken.append(queue)
        if len(taken) == 1:
            raise KeyError("a fault of ours")
        return []

    port: Any = SimpleNamespace(
        take=take, stopping=lambda: len(taken) == 2, pause=paused.append, no_thread=None
    )
    plain_threads._feed_for_ever("a", port, 1, lambda batch: None)
    assert taken == ["a", "a"]
    assert paused == [RETRY_SECONDS]
    assert "Jobs of a could not be taken. Trying again." in caplog.text


@pytest.mark.parametrize(("claims", "threads", "calls"), [(5, 3, 3), (2, 3, 2), (0, 3, 0)])
def test_a_pool_gets_one_call_for_each_thread_that_can_be_busy(
    claims: int, threads: int, calls: int
) -> None:
    taken: list[str] = []

    def take(queue: str) -> list[int]:
        taken.append(queue)
        return list(range(claims))

    batches: list[Any] = []
    port: Any = SimpleNamespace(take=take, stopping=lambda: bool(taken))
    plain_threads.feed("a", port, threads, batches.append)
    assert len(batches) == calls
    assert all(batch is batches[0] and len(batch) == claims for batch in batches)


def test_an_error_that_is_no_shortage_is_raised() -> None:
    def submit(batch: object) -> None:
        raise RuntimeError("cannot schedule new futures after shutdown")

    port: Any = SimpleNamespace(take=lambda queue: [1], stopping=lambda: False)
    with pytest.raises(RuntimeError, match="after shutdown"):
        plain_threads.feed("a", port, 1, submit)


def test_threads_that_share_a_batch_run_each_claim_once() -> None:
    ran: list[int] = []
    port: Any = SimpleNamespace(run=ran.append)
    run_batch(deque([1, 2, 3]), port)
    assert ran == [1, 2, 3]

    class Emptied(deque[Any]):
        def __bool__(self) -> bool:
            return True  # when it was looked at

    run_batch(Emptied(), port)
    assert ran == [1, 2, 3]
