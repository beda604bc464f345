"""Times in a project's own terms, whatever its USE_TZ and TIME_ZONE.

Inside, a time is what ``django.utils.timezone.now()`` gives and the ORM returns: aware with
USE_TZ, naive in TIME_ZONE without. What comes from outside is converted by ``project_time``, what
goes outside by ``aware`` or ``local``. Nothing else asks which of the two a project has.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.utils import timezone


def aware(moment: datetime) -> datetime:
    """Return a time in UTC; a naive one is in the project's TIME_ZONE."""
    if timezone.is_naive(moment):
        # Not the current zone, which a request may have activated: the columns have TIME_ZONE.
        moment = moment.replace(tzinfo=timezone.get_default_timezone())
    return moment.astimezone(UTC)


def local(moment: datetime | None = None) -> datetime:
    """Return a time, by default now, in the current time zone, with that zone."""
    return (datetime.now(UTC) if moment is None else aware(moment)).astimezone(
        timezone.get_current_timezone()
    )


def project_time(moment: datetime) -> datetime:
    """Return a time as the project's columns have it.

    A naive one is left alone: with USE_TZ nobody knows its zone, and the caller refuses it.
    """
    if settings.USE_TZ or timezone.is_naive(moment):
        return moment
    return timezone.make_naive(moment, timezone.get_default_timezone())


def from_timestamp(seconds: float) -> datetime:
    """Return the time so many seconds after 1970, as ``timezone.now()`` would have given it.

    Raises:
        ValueError, OverflowError, OSError: there is no such time.
    """
    return project_time(datetime.fromtimestamp(seconds, UTC))
