"""What somebody asks a token to be good for, checked: by the API, pages, admin and a command."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from jobs.catalog import all_tasks
from jobs.catalog.option_values import any_queue_error
from jobs.catalog.registry import nearest_names
from jobs.core.credentials import SCOPES
from jobs.errors import FieldError, InvalidOptions, UnknownQueue, UnknownTask, shorten
from jobs.models.token import UNRESTRICTED, Grant

from .stats import configured_queues, recorded_tasks, takes_any_queue

MOST_NAMES: Final = 100
LONGEST: Final = timedelta(days=3650)
LIFETIME: Final = "^([0-9]{1,9})([mhd])$"
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}

Names = Iterable[str] | None


def lifetime(text: str) -> timedelta:
    """Return how long a token is to be valid: ``90m``, ``12h`` or ``30d``.

    Raises:
        ValueError: it is no such text, or nothing, or more than ten years.
    """
    found = re.fullmatch(LIFETIME, text)
    span = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if not timedelta() < span <= LONGEST:
        raise ValueError("Give a time such as 90m, 12h or 30d, up to 3650d.")
    return span


def checked_grant(
    scopes: Names = None,
    tasks: Names = None,
    queues: Names = None,
    expires: str | None = None,
    within: Grant = UNRESTRICTED,
) -> Grant:
    """Return what a new token can do.

    Args:
        scopes: names of scopes; None for all.
        tasks: names of tasks; None for all, also those to come.
        queues: names of queues; None for all, also those to come.
        expires: how long it is valid, as ``lifetime`` takes it; None for ever.
        within: what is not asked for is as there, and nothing can be more.

    Raises:
        InvalidOptions: something does not fit.
    """
    wrong: list[FieldError] = []
    grant = Grant(
        _checked("scopes", scopes, within.scopes, _scope_errors, wrong),
        _checked("tasks", tasks, within.tasks, _task_errors, wrong),
        _checked("queues", queues, within.queues, _queue_errors, wrong),
        _end(expires, within.expires_at, wrong),
    )
    if wrong:
        raise InvalidOptions(wrong)
    return grant


def _checked(
    member: str,
    asked: Names,
    allowed: frozenset[str] | None,
    errors: Callable[[Collection[str]], list[str]],
    wrong: list[FieldError],
) -> frozenset[str] | None:
    if asked is None:
        return allowed
    names = frozenset(asked)
    details = errors(names) if 0 < len(names) <= MOST_NAMES else [_HOW_MANY]
    if not details and allowed is not None and names - allowed:
        more = ", ".join(map(repr, sorted(names - allowed)))
        details = [f"The token that makes this one has not {more} itself."]
    wrong += [{"pointer": f"/{member}", "detail": detail} for detail in details]
    return names


_HOW_MANY: Final = f"Give 1 to {MOST_NAMES} names; leave it out for all."


def _scope_errors(names: Collection[str]) -> list[str]:
    known = ", ".join(SCOPES)
    unknown = sorted(set(names) - set(SCOPES))
    return [f"There is no scope {shorten(one)!r}. Known: {known}." for one in unknown[:5]]


def _task_errors(names: Collection[str]) -> list[str]:
    unknown = sorted(set(names) - set(all_tasks()))
    if unknown:  # a task that is gone from the code still has jobs
        unknown = sorted(set(unknown) - recorded_tasks())
    known = sorted(all_tasks())
    return [str(UnknownTask(one, nearest_names(one, known))) for one in unknown[:5]]


def _queue_errors(names: Collection[str]) -> list[str]:
    if takes_any_queue():
        return [detail for one in sorted(names) if (detail := any_queue_error(one)) is not None][:5]
    known = configured_queues()
    return [str(UnknownQueue(one, sorted(known))) for one in sorted(set(names) - known)[:5]]


def _end(expires: str | None, latest: datetime | None, wrong: list[FieldError]) -> datetime | None:
    if expires is None:
        return latest
    try:
        end = timezone.now() + lifetime(expires)
    except ValueError as error:
        wrong.append({"pointer": "/expires", "detail": str(error)})
        return None
    if latest is not None and end > latest:
        detail = "The token that makes this one expires before that."
        wrong.append({"pointer": "/expires", "detail": detail})
    return end
