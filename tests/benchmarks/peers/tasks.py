"""The work as tasks of the peer that is measured."""

from __future__ import annotations

from typing import Any

from tests.benchmarks import task_functions
from tests.benchmarks.sandbox import Sandbox
from tests.benchmarks.systems import systems

_task = systems()[Sandbox.from_environment().system].task


# Functions of this module: a peer names a task by where it is.
def noop(ident: str) -> str:
    """Do nothing."""
    return task_functions.noop(ident)


def fib(ident: str, n: int) -> int:
    """Keep a core busy."""
    return task_functions.fib(ident, n)


def nap(ident: str, seconds: float) -> str:
    """Wait."""
    return task_functions.nap(ident, seconds)


MADE: dict[str, Any] = {function.__name__: _task(function) for function in (noop, fib, nap)}
globals().update(MADE)
