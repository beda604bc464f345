"""The seam: what a broker does, and what the worker gives it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any, Protocol


class Intake(Protocol):
    """What a consumer process offers to the loop that feeds it from one queue.

    A claim is opaque to a broker: whatever ``take`` returns is given to ``run``.
    """

    def take(self, queue: str) -> Sequence[Any]:
        """Wait a moment for free slots and waiting jobs; return the claims, often none."""

    def run(self, claim: Any) -> None:
        """Run a claim to its end; never raises."""

    def stopping(self) -> bool:
        """Whether the loop is to end."""


class Bell(Protocol):
    """Tells that the table may have changed."""

    def wait(self, timeout: float) -> bool:
        """Wait until it rings, at most ``timeout`` seconds; whether it rang."""

    def close(self) -> None:
        """Let go of what it holds; a waiting thread is woken."""


class Broker(Protocol):
    """One way of carrying permits. A permit says that a job waits; the table says which."""

    name: str

    @property
    def rings_by_commit(self) -> bool:
        """Whether the commit of the job is all that consumers need to notice it."""

    def announce(self, queue: str, job_id: uuid.UUID) -> None:
        """Send a permit. Returns at once; a broker that is down costs the caller nothing."""

    def flush(self, seconds: float) -> None:
        """Wait until what was announced is sent, at most so many seconds: the process ends."""

    def bell(self) -> Bell:
        """Return what wakes an idle consumer of this process."""

    def consume(self, queues: Sequence[str], intake: Intake, threads: int) -> None:
        """Start feeding claims of the queues to the intake; they run on ``threads`` threads."""

    def check(self) -> list[str]:
        """What is wrong with it, in words; empty when it works."""


BrokerFactory = Callable[[str], Broker]
