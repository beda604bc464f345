"""Moving the clock: what retries, ``run_after``, retention and Django itself take for the time."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import ContextDecorator
from datetime import datetime, timedelta
from types import FunctionType
from typing import Any, Final

from django.utils import timezone

from .scope import current_scope

_moves: list[timedelta] = []

# The function itself is changed, not the name ``timezone.now``: fields have the function as their
# default, and modules import it by name. Nor what it looks up: freezegun sets the module's
# ``datetime`` and sets it back to what it was when it first saw it.
_now: Any = timezone.now
_real_now: Final[Callable[[], datetime]] = FunctionType(_now.__code__, _now.__globals__)
_REAL_CODE: Final = _now.__code__


def _moved() -> datetime:
    # Its globals are those of ``django.utils.timezone``.
    from jobs.testing.clock import moved_now

    return moved_now()


def moved_now() -> datetime:
    """Return what ``timezone.now`` does while the clock is moved."""
    return _real_now() + sum(_moves, timedelta())


class Travel(ContextDecorator):
    """One move of the clock; see ``travel``."""

    def __init__(self, distance: Callable[[], timedelta]) -> None:
        self._distance = distance
        self._moved_by: timedelta | None = None
        self._used = False
        scope = current_scope()
        if scope is not None:
            self._start()
            scope.callback(self._stop)

    def _recreate_cm(self) -> Travel:
        # The decorator's own object has not moved anything: the test has not begun yet.
        self._used = True
        return Travel(self._distance)

    def __enter__(self) -> Travel:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def __del__(self) -> None:
        if not self._used:
            warnings.warn(
                "travel() was called and never entered, so the clock has not moved: "
                "use it in a `with`, or add JobsTestMixin to the test case.",
                RuntimeWarning,
                stacklevel=2,
            )

    def _start(self) -> None:
        self._used = True
        if self._moved_by is None:
            self._moved_by = self._distance()
            _moves.append(self._moved_by)
            _install()

    def _stop(self) -> None:
        if self._moved_by is not None:
            _moves.remove(self._moved_by)
            self._moved_by = None
            _install()


def _install() -> None:
    _now.__code__ = _moved.__code__ if _moves else _REAL_CODE


def travel(to: datetime | timedelta | float | None = None, /, **units: float) -> Travel:
    """Move the clock; it goes on from there.

    The clock is ``django.utils.timezone.now``, in Jobdesk, Django and the project. What Python
    itself says (``datetime.now()``, ``time.time()``) stays; freezegun and time-machine move that
    too, and are seen here.

    Use it in a ``with``, as a decorator, or, in a test that pytest or ``JobsTestMixin`` runs, as a
    call whose effect ends with the test. Moves add up.

    Args:
        to: a time to move to, a distance as a timedelta, or a distance in seconds; negative is
            back. A time without a zone is in Django's current time zone.
        units: in place of it, a distance as ``timedelta`` takes it: ``travel(hours=1)``.

    Raises:
        TypeError: both or neither are given, or ``to`` is something else.
    """
    if (to is None) == (not units):
        raise TypeError("travel() takes a time, a distance, or units such as hours=1.")
    if isinstance(to, datetime):
        return Travel(lambda: _until(to))
    distance = timedelta(**units) if to is None else _as_distance(to)
    return Travel(lambda: distance)


def _as_distance(to: object) -> timedelta:
    if isinstance(to, timedelta):
        return to
    if isinstance(to, int | float) and not isinstance(to, bool):
        return timedelta(seconds=to)
    raise TypeError(f"travel() takes a datetime, a timedelta or seconds, not {to!r}.")


def _until(target: datetime) -> timedelta:
    now = timezone.now()
    if timezone.is_naive(target) and timezone.is_aware(now):
        target = timezone.make_aware(target)
    elif timezone.is_aware(target) and timezone.is_naive(now):
        target = timezone.make_naive(target)
    return target - now
