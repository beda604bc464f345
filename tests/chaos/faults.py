"""Points of a job's life at which a process can be told to die (``FAULT=<point>``)."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from jobs import lifecycle
from jobs.brokers import registry
from jobs.brokers.publisher import Publisher
from jobs.consumer import attempt, broker_interface, executor, slots
from jobs.models import Upload

Function = Callable[..., Any]


def die(*args: Any, **kwargs: Any) -> None:
    """End as a power cut would; with ``FAULT_SIGNAL=SIGSTOP`` freeze."""
    # To this thread: sent to the process, another may take it first and this one go on a little.
    number = signal.Signals[os.environ.get("FAULT_SIGNAL", "SIGKILL")]
    signal.pthread_kill(threading.get_ident(), number)


def _after(owner: Any, name: str, when: Function = lambda result, *args: True) -> None:
    """Die once the function has done its work."""
    original = getattr(owner, name)

    def replaced(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if when(result, *args):
            die()
        return result

    setattr(owner, name, replaced)


def _before(owner: Any, name: str, when: Function = lambda *args: True) -> None:
    """Die when the function is called."""
    original = getattr(owner, name)

    def replaced(*args: Any, **kwargs: Any) -> Any:
        if when(*args):
            die()
        return original(*args, **kwargs)

    setattr(owner, name, replaced)


# The batch writer commits between lifecycle's statements and `Slots.done`.
SUBMITTER: dict[str, Function] = {
    # One statement that commits by itself: before it is before the commit.
    "submission before commit": lambda: _before(lifecycle, "insert_job"),
    "submission after commit": lambda: _after(lifecycle, "insert_job"),
    "before the notification is sent": lambda: _before(registry, "_notify"),
}
CONSUMER: dict[str, Function] = {
    "waiting job found": lambda: _after(lifecycle, "has_waiting", lambda found, *args: found),
    "claim before commit": lambda: _in_the_claims_transaction(),  # noqa: PLW0108  (defined below)
    "claim after commit": lambda: _before(
        slots.Slots, "_deliver", lambda me, queue, claims: claims
    ),
    "in the task": lambda: _after(executor, "_run_here"),
    "outcome before commit": lambda: _after(lifecycle, "write_outcomes", lambda _, some: some),
    "outcome after commit": lambda: _before(slots, "log_finished"),
}
# On brokers that carry messages: one thread sends them, others receive them. An empty batch only
# connects.
SENDER: dict[str, Function] = {
    "message before sending": lambda: _before(Publisher, "_try", lambda me, batch: batch),
    "message after sending": lambda: _after(Publisher, "_try", lambda done, me, batch: batch),
}
RECEIVER: dict[str, Function] = {
    "message received": lambda: _before(broker_interface.BrokerInterface, "ingest"),
    "message used, not acknowledged": lambda: _after(
        broker_interface.BrokerInterface, "wait_claimed", lambda done, *args: done
    ),
    "message acknowledged": lambda: _after_acknowledging(),  # noqa: PLW0108  (defined below)
}
# A file is there before the row that names it.
FILES: dict[str, Function] = {
    "upload stored": lambda: _before(Upload, "save"),
    "artifact stored": lambda: _after(attempt, "store_artifact"),
}
POINTS = SUBMITTER | CONSUMER | SENDER | RECEIVER | FILES


def _in_the_claims_transaction() -> None:
    # On PostgreSQL a claim beside which nothing is written is one message that commits by itself.
    room: Any = lifecycle
    room.claims_in_one_round_trip = lambda: False
    _after(lifecycle, "claim_rows", lambda rows, *args: rows)


def _after_acknowledging() -> None:
    from jobs.brokers.receiver import Receiver

    original: Any = Receiver.__init__

    def made(self: Any, *args: Any) -> None:
        original(self, *args)
        connect = self._connect

        def connected() -> Any:
            source = connect()
            _after(source, "acknowledge")
            return source

        self._connect = connected

    Receiver.__init__ = made  # type: ignore[assignment,method-assign]


def install(point: str) -> None:
    """Make this process die at a point."""
    POINTS[point]()
