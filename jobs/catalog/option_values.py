"""What the options of a task may be: one sentence for each that is wrong.

The same in ``@job`` (``manage.py check`` says it), in ``.options()`` and ``.using()``, and where a
job is submitted.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeGuard

from django.conf import settings
from django.utils import timezone

MOST_ATTEMPTS: Final = 1000
LONGEST_KEY: Final = 200
LONGEST_QUEUE: Final = 100
_ANY_QUEUE: Final = re.compile(rf"[^\s,\x00-\x1f]{{1,{LONGEST_QUEUE}}}")
LONGEST_SECONDS: Final = 30 * 24 * 3600.0
"""On Windows a thread can wait for 49 days at most."""


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def priority_error(value: object) -> str | None:
    """Return what is wrong with a priority; None if nothing is. A float may be whole."""
    if _is_number(value) and -100 <= value <= 100 and value == int(value):
        return None
    return "It must be a whole number from -100 to 100."


def whole(priority: Any) -> Any:
    """Return a priority as an integer if it is a whole float, which Django allows."""
    return int(priority) if isinstance(priority, float) and priority.is_integer() else priority


def attempts_error(value: object) -> str | None:
    """Return what is wrong with ``max_attempts``; None if nothing is."""
    if isinstance(value, int) and _is_number(value) and 1 <= value <= MOST_ATTEMPTS:
        return None
    return f"It must be a whole number from 1 to {MOST_ATTEMPTS}."


def timeout_error(value: object) -> str | None:
    """Return what is wrong with a time limit in seconds; None if nothing is, or there is none."""
    if value is None or (_is_number(value) and 0 < value <= LONGEST_SECONDS):  # false of NaN
        return None
    return "It must be seconds above zero, 30 days (2,592,000) at most, or None for no limit."


def seconds(value: Any) -> Any:
    """Return a time limit in seconds where it was given as a timedelta, else unchanged."""
    return value.total_seconds() if isinstance(value, timedelta) else value


def unique_key_error(value: object) -> str | None:
    """Return what is wrong with a unique key; None if nothing is. An empty one stands for none."""
    if not isinstance(value, str):
        return "It must be text."
    if "\0" in value:
        return "It must not contain a NUL character."
    return None if len(value) <= LONGEST_KEY else f"At most {LONGEST_KEY} characters."


def queue_error(value: object) -> str | None:
    """Return what is wrong with the name of a queue; None if nothing is."""
    if isinstance(value, str) and 0 < len(value) <= LONGEST_QUEUE and value.isprintable():
        return None
    return f"It must be text of 1 to {LONGEST_QUEUE} printable characters."


def any_queue_error(value: str) -> str | None:
    """Return what is wrong with a queue that is not listed; None if nothing is.

    ``"QUEUES": []`` takes any name, and a comma separates names for ``runconsumers``.
    """
    if _ANY_QUEUE.fullmatch(value) and value.isprintable():
        return None
    return f"A queue's name has 1 to {LONGEST_QUEUE} characters, no spaces and no commas."


def run_after_error(value: object) -> str | None:
    """Return what is wrong with the time before which a job does not run; None if nothing is."""
    if value is None:
        return None
    if not isinstance(value, datetime):
        return f"It must be a datetime, not a {type(value).__name__}."
    if settings.USE_TZ and timezone.is_naive(value):
        return "It needs a time zone."
    # A first or last year is kept free: every time zone must be able to show it.
    try:
        year = (value.astimezone(UTC) if timezone.is_aware(value) else value).year
    except OverflowError:
        year = 0
    return None if 1 < year < 9999 else "It must be in the years 2 to 9998."
