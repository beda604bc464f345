"""Tasks whose failures, breadcrumbs and spans a tracker is to see."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Any

from jobs import job
from jobs.errors import GiveUp

with suppress(ImportError):  # the tests that run these are skipped
    import sentry_sdk
    from opentelemetry import trace


def _leave_a_trail(name: str) -> None:
    """Set in the scope of this job what no other job's event may have, and start a span."""
    sentry_sdk.add_breadcrumb(message=f"trail of {name}")
    sentry_sdk.set_tag("trail", name)
    with trace.get_tracer("own").start_as_current_span(f"span of {name}"):
        pass


@job(max_attempts=1)
def in_thread(name: str) -> None:
    """Fail in a thread, with a local variable."""
    number = 7
    _leave_a_trail(name)
    raise LookupError(f"{name} {number}")


@job(max_attempts=1, executor="process")
def in_process(name: str) -> None:
    """The same in a child process."""
    in_thread.func(name)


@job(max_attempts=1)
async def in_loop(name: str) -> None:
    """The same as a coroutine."""
    in_thread.func(name)


@job(max_attempts=2)
def in_two_attempts() -> None:
    """Fail twice: the first time it is tried again."""
    raise LookupError("twice")


@job(max_attempts=5)
def gives_up() -> None:
    """Fail for good at the first attempt."""
    raise GiveUp("there is no such address")


@job(max_attempts=1)
def returns_no_json() -> Any:
    """Return what cannot be kept."""
    return object()


@job(max_attempts=1, executor="process")
def dies() -> None:
    """Kill the process that runs it."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


@job(max_attempts=1)
def succeeds() -> None:
    """Leave a trail, and succeed."""
    _leave_a_trail("succeeds")
