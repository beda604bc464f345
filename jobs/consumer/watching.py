"""Running an attempt in the scope of an error tracker and a tracer, where the project has them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from sys import modules
from typing import Any

from jobs.core.tracing import records_spans
from jobs.lifecycle import Claim

from .sentry import is_active, job_scope

logger = logging.getLogger("jobs")


def is_watched() -> bool:
    """Whether the project has configured one of them; otherwise a job pays for nothing but this."""
    # First what takes 0.03 us: most projects have neither. Both checks together take 2 us.
    if "opentelemetry.trace" not in modules and "sentry_sdk" not in modules:
        return False
    return records_spans() or is_active()


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
