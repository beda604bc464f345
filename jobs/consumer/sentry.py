"""What Sentry needs beside log records; nothing of it runs where ``sentry_sdk`` is not loaded.

It is the project that loads and configures it (``sentry_sdk.init`` in its settings). Versions
before 2 have no scope that can be opened for a job: with them only log records reach Sentry.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from jobs.core.loaded_modules import loaded
from jobs.lifecycle import Claim

_NOTHING: Final = nullcontext()


def about(claim: Claim) -> dict[str, Any]:
    """Return what a tracker is to show beside an exception: tags in Sentry, ``extra`` of a log
    record."""
    found = {
        "task": claim.task,
        "job_id": str(claim.id),
        "attempt": claim.attempt,
        "queue": claim.queue,
    }
    return found if claim.request_id is None else {**found, "request_id": claim.request_id}


def job_scope(claim: Claim) -> AbstractContextManager[Any]:
    """Keep the tags and breadcrumbs of a job to itself, and tag each of its events.

    A thread runs one job after the other: without this, the last hundred breadcrumbs of all of them
    would be in each event, and all would belong to one trace.
    """
    sdk = _active_sdk()
    return _NOTHING if sdk is None else _JobScope(sdk, claim)


class _JobScope(AbstractContextManager[Any]):
    def __init__(self, sdk: Any, claim: Claim) -> None:
        self._claim = claim
        self._scope: AbstractContextManager[Any] = sdk.isolation_scope()

    def __enter__(self) -> None:
        scope = self._scope.__enter__()
        scope.clear_breadcrumbs()
        scope.set_new_propagation_context()
        scope.set_transaction_name(self._claim.task, source="task")
        _tag(scope, about(self._claim))

    def __exit__(self, *error: Any) -> bool | None:
        return self._scope.__exit__(*error)


def report(claim: Claim, error: BaseException, level: int, log: Callable[[], None]) -> None:
    """Call ``log``, which logs the exception; report it to Sentry if that did not.

    Sentry makes an event of a log record from its own level on (ERROR, unless its logging
    integration was given another one), so that one at WARNING would be a breadcrumb.

    Args:
        claim: what has failed.
        error: the exception.
        level: that of the log record.
        log: logs it.
    """
    sdk = _active_sdk()
    if sdk is None:
        log()
        return
    made: list[bool] = []

    def note(event: Any, hint: Any) -> Any:
        made.append(True)
        return event

    with sdk.new_scope() as scope:
        _tag(scope, about(claim))
        scope.add_event_processor(note)
        log()
        if not made:
            sdk.capture_exception(error, level=logging.getLevelName(level).lower())


def flush(seconds: float) -> None:
    """Send what waits to be sent: where a process leaves at once, nothing of ``atexit`` runs."""
    sdk = _active_sdk()
    if sdk is not None:
        sdk.flush(timeout=seconds)


def is_active() -> bool:
    """Whether the project has loaded and configured it."""
    return _active_sdk() is not None


def _active_sdk() -> Any:
    sdk = loaded("sentry_sdk")
    if sdk is None or not hasattr(sdk, "isolation_scope") or not sdk.get_client().is_active():
        return None
    return sdk


def _tag(scope: Any, tags: Mapping[str, Any]) -> None:
    for name, value in tags.items():
        scope.set_tag(name, str(value))
