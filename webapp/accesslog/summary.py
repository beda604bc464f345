"""The result of a tally as plain data: lists of flat objects, which are shown as tables."""

from __future__ import annotations

from itertools import islice
from typing import Any

from .hours import HourSeries
from .pattern import printable
from .tally import Tally

MAX_TABLE_HOURS = 21 * 24  # three weeks; together with the rest it stays below 64 KiB
MEANINGS = {"1": "information", "2": "success", "3": "redirection", "4": "client error",
            "5": "server error"}  # fmt: skip


def summary(tally: Tally, series: HourSeries, top: int = 20) -> dict[str, Any]:
    """Return the result of an analysis as JSON data."""
    found = bool(series.counts)
    return {
        "lines": tally.lines,
        "requests": tally.requests,
        "malformed": tally.malformed,
        "bytes_sent": tally.bytes_sent,
        "first_hour": series.moment(series.first).isoformat() if found else None,
        "last_hour": series.moment(series.last).isoformat() if found else None,
        "mean_seconds": round(tally.seconds / tally.timed, 6) if tally.timed else None,
        "status_classes": _status_classes(tally),
        "top_paths": _top_paths(tally, top),
        "slowest": _slowest(tally, top),
        "requests_per_hour": [
            {"hour": hour.isoformat(), "requests": count}
            for hour, count in islice(series.rows(), MAX_TABLE_HOURS)
        ],
        "notes": notes(tally, len(series.numbers())),
    }


def notes(tally: Tally, hours: int) -> list[str]:
    """Return what a reader must know to interpret the numbers."""
    found = []
    if not tally.lines:
        found.append("The file is empty.")
    if tally.malformed:
        found.append(
            f"Lines in neither format, not counted: {tally.malformed:,}. The first of them are in "
            "the job's log."
        )
    if tally.paths.missed:
        found.append(
            "The log names too many different paths to remember them all: the requests of a "
            f"path may be up to {tally.paths.missed:,} too low."
        )
    if tally.hours.uncounted:
        found.append(f"{tally.hours.uncounted:,} requests are missing from the hours: too many.")
    if hours > MAX_TABLE_HOURS:
        found.append(
            f"The table shows the first {MAX_TABLE_HOURS:,} of {hours:,} hours; "
            "requests-per-hour.csv holds them all."
        )
    if tally.requests and not tally.timed:
        found.append("The lines do not end with the time of a request: none is the slowest.")
    return found


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2)


def _status_classes(tally: Tally) -> list[dict[str, Any]]:
    classes: dict[str, int] = {}
    for status, count in sorted(tally.statuses.items()):
        digit = status[:1].decode()
        classes[digit] = classes.get(digit, 0) + count
    return [
        {
            "class": f"{digit}xx",
            "meaning": MEANINGS.get(digit, "unknown"),
            "requests": count,
            "percent": _percent(count, tally.requests),
        }
        for digit, count in classes.items()
    ]


def _top_paths(tally: Tally, top: int) -> list[dict[str, Any]]:
    return [
        {
            "path": printable(path) or "(none)",
            "requests": count,
            "percent": _percent(count, tally.requests),
        }
        for path, count in tally.paths.top(top)
    ]


def _slowest(tally: Tally, top: int) -> list[dict[str, Any]]:
    return [
        {"seconds": slow.seconds, "path": slow.path, "status": slow.status, "time": slow.when}
        for slow in tally.slowest[:top]
    ]
