"""The work as Jobdesk's tasks."""

from __future__ import annotations

from jobs import job
from tests.benchmarks import work


@job
def noop(ident: str) -> str:
    """Do nothing."""
    return work.noop(ident)


@job
def fib(ident: str, n: int) -> int:
    """Keep a core busy."""
    return work.fib(ident, n)


@job
def nap(ident: str, seconds: float) -> str:
    """Wait."""
    return work.nap(ident, seconds)
