"""The work as Jobdesk's tasks."""

from __future__ import annotations

from jobs import job
from tests.benchmarks import task_functions


@job
def noop(ident: str) -> str:
    """Do nothing."""
    return task_functions.noop(ident)


@job
def fib(ident: str, n: int) -> int:
    """Keep a core busy."""
    return task_functions.fib(ident, n)


@job
def nap(ident: str, seconds: float) -> str:
    """Wait."""
    return task_functions.nap(ident, seconds)
