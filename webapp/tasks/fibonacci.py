"""A task that computes: it runs in a process of its own, so that all cores are used."""

from typing import Annotated

from pydantic import Field

from jobs import job


@job(title="Fibonacci number", executor="process", timeout=600)
def fibonacci(
    n: Annotated[int, Field(ge=0, le=40, description="0 to 40; each step takes 1.6 times longer.")],
) -> int:
    """Compute a Fibonacci number the slow way, to keep a core busy."""
    return _slow_fibonacci(n)


def _slow_fibonacci(n: int) -> int:
    """Call itself twice, on purpose: the point is the work, not the number."""
    return n if n < 2 else _slow_fibonacci(n - 1) + _slow_fibonacci(n - 2)
