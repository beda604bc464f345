"""The tasks that every system runs: plain functions that write a line to the trace.

Standard library only, for it runs in the other systems' environment. A line is one write to a file
opened for appending, so the lines of several processes do not mix:
``S ident time pid`` at a start, and ``E`` at the end of long work.
"""

from __future__ import annotations

import os
import time

TRACE = "BENCH_TRACE"

_file: int | None = None


def mark(event: str, ident: str) -> None:
    """Write a line to the trace."""
    global _file
    if _file is None:
        _file = os.open(os.environ[TRACE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(_file, f"{event} {ident} {time.time():.6f} {os.getpid()}\n".encode())


def fibonacci(n: int) -> int:
    """Compute for a while."""
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def noop(ident: str) -> str:
    """Do nothing."""
    mark("S", ident)
    return ident


def fib(ident: str, n: int) -> int:
    """Keep a core busy."""
    mark("S", ident)
    result = fibonacci(n)
    mark("E", ident)
    return result


def nap(ident: str, seconds: float) -> str:
    """Wait."""
    mark("S", ident)
    time.sleep(seconds)
    mark("E", ident)
    return ident
