"""The contract: what a broker does, and what a consumer process offers it (``ConsumerPort``)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Any, Protocol


class ConsumerPort(Protocol):
    """What a consumer process offers to the loop that feeds it from one queue.

    A claim is opaque to a broker: whatever ``take`` returns is given to ``run``.
    """

    consumer_id: str
    """Which consumer this is, for a broker that counts what each of them has received."""
    embedded: bool
    """Whether the process goes on after the consumer: then every thread has to end with it."""

    def take(self, queue: str) -> Sequence[Any]:
        """Wait a moment for free slots and waiting jobs; return the claims, often none."""

    def run(self, claim: Any) -> None:
        """Run a claim to its end; never raises."""

    def stopping(self) -> bool:
        """Whether the loop is to end."""

    def free_slots(self, queue: str, seconds: float) -> int:
        """Wait for a free slot, at most so long; return how many are free."""

    def ingest(self, queue: str, broker: str, message: ReceivedMessage) -> bool:
        """Read a message: a job of another program is recorded, an invalid message quarantined.

        False: not now (the database is away, the queue is full); ask again later.
        """

    def wait_claimed(self, queue: str, seconds: float) -> bool:
        """Poll the table and wait until the jobs found are claimed and committed; whether they are.

        Args:
            seconds: the longest wait.
        """

    def no_thread(self, why: str) -> None:
        """The system gave no thread to run claims: those that none has taken up are handed back."""

    def pause(self, seconds: float) -> None:
        """Wait so long, less when the loop is to end."""

    def note_threads(self, threads: Sequence[Thread]) -> None:
        """Note the threads that run claims and end when the port stops."""


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message as it came: ``handle`` is the broker's, ``body`` None when it has none."""

    handle: Any
    body: bytes | None
    shown: bytes = b""
    """What to show of a message without a body."""


class MessageSource(Protocol):
    """A consumer's connection to one queue of a broker that carries messages.

    Used by one thread only. Any method may raise one of ``errors``: the caller waits a moment and
    goes on.
    """

    name: str
    errors: tuple[type[Exception], ...]

    def receive(self, limit: int, seconds: float) -> list[ReceivedMessage]:
        """Return up to ``limit`` messages, waiting at most ``seconds`` for the first.

        With a limit of 0 it only keeps the connection alive.
        """

    def acknowledge(self, messages: Sequence[ReceivedMessage]) -> None:
        """Their jobs are claimed: they are never delivered again."""

    def close(self) -> None:
        """Leave; what was not acknowledged is delivered to other consumers."""


class Listener(Protocol):
    """Wakes an idle consumer when the table may have changed."""

    queues: Collection[str] | None
    """The queues of the last notification; None when that is not known."""

    def wait(self, timeout: float) -> bool:
        """Wait for a notification, at most ``timeout`` seconds; return whether one came."""

    def close(self) -> None:
        """End a running ``wait`` and release what the listener holds."""


class Broker(Protocol):
    """One way to tell consumers that a job waits in a queue. The table says which job."""

    name: str

    @property
    def takes_messages(self) -> bool:
        """Whether programs that do not know the database can submit jobs by it."""

    def warm_up(self) -> None:
        """Load and connect what ``notify`` needs, after a process's first request."""

    def notify(self, queue: str, job_id: uuid.UUID) -> None:
        """Tell consumers of a job. Returns at once, also when the broker is down."""

    def flush(self, seconds: float) -> None:
        """Wait until all notifications are sent, at most so long: the process ends."""

    def leave(self, seconds: float) -> None:
        """Release what ``consume`` holds, within so many seconds; the port is stopping."""

    def adopt_pending(self, consumer: str) -> None:
        """Take over what a dead consumer has received and not acknowledged."""

    def listener(self) -> Listener:
        """Return what wakes an idle consumer of this process."""

    def consume(self, queues: Sequence[str], port: ConsumerPort, threads: int) -> None:
        """Start running claims of the queues on ``threads`` threads; returns at once."""

    def depth(self, queue: str) -> int | None:
        """How many messages of a queue are not acknowledged; None when that is not known.

        Asks the server, which may take some seconds: not for a request.
        """

    def check(self) -> list[str]:
        """What is wrong with it, in sentences; empty when it works."""


BrokerFactory = Callable[[str], Broker]
