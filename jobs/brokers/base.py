"""The seam: what a broker does, and what the worker gives it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class ConsumerPort(Protocol):
    """What a consumer process offers to the loop that feeds it from one queue.

    A claim is opaque to a broker: whatever ``take`` returns is given to ``run``.
    """

    consumer_id: str
    """Which consumer this is, for a broker that counts what each of them has received."""

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

    def pause(self, seconds: float) -> None:
        """Wait so long, less when the loop is to end."""


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message as it came: ``handle`` is the broker's, ``body`` None when it has none."""

    handle: Any
    body: bytes | None
    shown: bytes = b""
    """What to show of a message without a body."""


class MessageSource(Protocol):
    """One consumer's connection to a broker that carries messages. Used by one thread only.

    Any method may raise one of ``errors``: the loop then waits a moment and goes on.
    """

    name: str
    errors: tuple[type[Exception], ...]

    def receive(self, limit: int, seconds: float) -> list[ReceivedMessage]:
        """Return up to ``limit`` permits, waiting at most so long for the first.

        With a limit of 0 it only keeps the connection alive.
        """

    def done(self, permits: Sequence[ReceivedMessage]) -> None:
        """Acknowledge: their jobs are claimed. They never come again."""

    def close(self) -> None:
        """Leave; what was not acknowledged is for the others."""


class Listener(Protocol):
    """Tells that the table may have changed."""

    queues: Collection[str] | None
    """Where it has changed, by the last ring; None when that cannot be told."""

    def wait(self, timeout: float) -> bool:
        """Wait until it rings, at most ``timeout`` seconds; whether it rang."""

    def close(self) -> None:
        """Let go of what it holds; a waiting thread is woken."""


class Broker(Protocol):
    """One way of carrying permits. A permit says that a job waits; the table says which."""

    name: str

    @property
    def takes_messages(self) -> bool:
        """Whether programs that know nothing of the database can hand in jobs by it."""

    def warm_up(self) -> None:
        """Get ready to announce, beside the caller: there will be jobs."""

    def notify(self, queue: str, job_id: uuid.UUID) -> None:
        """Send a permit. Returns at once; a broker that is down costs the caller nothing."""

    def flush(self, seconds: float) -> None:
        """Wait until what was announced is sent, at most so many seconds: the process ends."""

    def leave(self, seconds: float) -> None:
        """Let go of what ``consume`` holds, at most so long; the intake is stopping."""

    def adopt_pending(self, consumer: str) -> None:
        """Another consumer was found dead: what it has received and not acknowledged is ours."""

    def listener(self) -> Listener:
        """Return what wakes an idle consumer of this process."""

    def consume(self, queues: Sequence[str], intake: ConsumerPort, threads: int) -> None:
        """Start feeding claims of the queues to the intake; they run on ``threads`` threads."""

    def depth(self, queue: str) -> int | None:
        """How many messages of a queue no consumer has acknowledged; None when it cannot tell.

        Asks the broker, for a few seconds at most: for people who look, not for a request.
        """

    def check(self) -> list[str]:
        """What is wrong with it, in words; empty when it works."""


BrokerFactory = Callable[[str], Broker]
