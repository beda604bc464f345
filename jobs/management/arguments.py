"""Values of command-line options: seconds, times, counts."""

from __future__ import annotations

import argparse
import math
import re
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from jobs.core.times import aware

_AGO: Final = re.compile(r"(\d{1,9})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def seconds(text: str) -> float:
    """Return a number of seconds from 0, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"give seconds, not {text!r}")
    return value


def count(text: str) -> int:
    """Return a whole number from 0, for argparse."""
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise argparse.ArgumentTypeError(f"give a whole number from 0, not {text!r}")
    return int(text)


def moment(text: str) -> datetime:
    """Return a time, for argparse: ISO 8601, in the project's zone where it names none, or an age.

    An age is ``90s``, ``30m``, ``2h`` or ``7d`` before now.
    """
    found = _before_now(ago) if (ago := _AGO.fullmatch(text)) else parse_time(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"give a date and time such as 2030-01-31T09:00, or an age such as 30m, not {text!r}"
        )
    return found


def _before_now(ago: re.Match[str]) -> datetime | None:
    try:
        return aware(timezone.now()) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    except OverflowError:
        return None  # before the year 1


def parse_time(text: str) -> datetime | None:
    """Return a time of ISO 8601, in the project's zone where it names none; None if it is none."""
    try:
        parsed = parse_datetime(text)
        return None if parsed is None else aware(parsed)
    except (ValueError, OverflowError):
        return None  # the 30th of February, or a time zone that leads out of the years 1 to 9999
