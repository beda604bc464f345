"""Running an attempt in the scope of an error tracker and a tracer, where the project has them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from sys import modules
from typing import TYPE_CHECKING, Any

from jobs.core.tracing import records_spans
from jobs.lifecycle import Claim

from .job_span import current, start_span
from .sentry import is_active, job_scope

if TYPE_CHECKING:
    from .attempt import Attempt

logger = logging.getLogger("jobs")


def is_watched() -> bool:
    """Whether the project has configured one of them; otherwise a job pays for nothing but this."""
    # First what takes 0.03 us: most projects have neither. Both checks together take 2 us.
    if "opentelemetry.trace" not in modules and "sentry_sdk" not in modules:
        return False
    return records_spans() or is_active()


@contextmanager
def watched_attempt(attempt: Attempt) -> Iterator[None]:
    """Run an attempt of this process in a scope and a span of its own."""
    with watched(attempt.claim, partial(_begin_span, attempt)):
        yield


def _begin_span(attempt: Attempt) -> AbstractContextManager[Any]:
    attempt.span = start_span(attempt.claim)
    return current(attempt.span)


@contextmanager
def watched(claim: Claim, use_span: Callable[[], AbstractContextManager[Any]]) -> Iterator[None]:
    """Have a job's scope and span be the current ones within it.

    Whatever these libraries raise is logged: the job runs all the same.

    Args:
        claim: what runs.
        use_span: makes its span the current one.
    """
    stack = ExitStack()
    try:
        stack.enter_context(job_scope(claim))
        stack.enter_context(use_span())
    except Exception:
        logger.exception("A job could not be traced; it runs without.")
    try:
        yield
    finally:
        try:
            stack.close()
        except Exception:
            logger.exception("The trace of a job could not be ended.")
