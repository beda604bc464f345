"""Where the output of a task goes: the attempt that the running code belongs to."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol


class OutputSink(Protocol):
    """Receives what a running task prints and logs."""

    @property
    def settled(self) -> bool:
        """Whether the attempt has ended. What its threads still write is no part of its log."""

    def print(self, text: str) -> None:
        """Append printed text, as a stream does: a line may come in pieces."""

    def log(self, text: str) -> None:
        """Append whole lines."""


current_attempt: ContextVar[OutputSink | None] = ContextVar("jobs_attempt", default=None)
"""Receives the output of the task that this thread (or coroutine) runs; None outside a task."""


def current_sink() -> OutputSink | None:
    """Return what receives output here and now; None outside a task and after its end."""
    sink = current_attempt.get()
    return None if sink is None or sink.settled else sink
