"""A flow that is under way: what it wants next, and what came of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from .effects import Effect, Flow


@dataclass(frozen=True, slots=True)
class Returned:
    """The flow has ended with a value."""

    value: Any


class Steps:
    """Advances a flow.

    Args:
        flow: one that has not begun.
    """

    def __init__(self, flow: Flow[Any]) -> None:
        self._flow = flow
        self._resume: Callable[[], Effect] = partial(next, flow)

    def next(self) -> Effect | Returned:
        """Return the next effect, or what the flow has returned; what it raises is raised."""
        resume, self._resume = self._resume, partial(self._flow.send, None)
        try:
            return resume()
        except StopIteration as end:
            return Returned(end.value)

    def done(self, value: Any) -> None:
        """The effect was performed, with this value."""
        self._resume = partial(self._flow.send, value)

    def failed(self, error: Exception) -> None:
        """The effect could not be performed: the flow knows what that means."""
        self._resume = partial(self._flow.throw, error)

    def close(self) -> None:
        """End the flow where it is."""
        self._flow.close()
