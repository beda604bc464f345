"""The work as tasks of the peer that is measured."""

from __future__ import annotations

from typing import Any

from tests.benchmarks import work
from tests.benchmarks.place import Place
from tests.benchmarks.systems import systems

_task = systems()[Place.here().system].task


# Functions of this module: a peer names a task by where it is.
def noop(ident: str) -> str:
    """Do nothing."""
    return work.noop(ident)


def fib(ident: str, n: int) -> int:
    """Keep a core busy."""
    return work.fib(ident, n)


def nap(ident: str, seconds: float) -> str:
    """Wait."""
    return work.nap(ident, seconds)


MADE: dict[str, Any] = {function.__name__: _task(function) for function in (noop, fib, nap)}
globals().update(MADE)
