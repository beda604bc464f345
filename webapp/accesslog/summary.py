"""The result of a tally as plain data: lists of flat objects, which are shown as tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from .hours import HourSeries
from .pattern import printable_ends
from .tally import Tally, shown_path

MAX_TABLE_HOURS = 21 * 24  # three weeks; together with the rest it stays below 64 KiB
MEANINGS = {"1": "information", "2": "success", "3": "redirection", "4": "client error",
            "5": "server error"}  # fmt: skip


def summary(
    tally: Tally, series: HourSeries, top: int = 20, source_notes: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the result of an analysis as JSON data; ``source_notes`` tell of its file."""
    found = bool(series.counts)
    return {
        "lines": tally.lines,
        "requests": tally.requests,
        "malformed": tally.malformed,
        "bytes_sent": tally.bytes_sent,
        "first_hour": series.moment(series.first).isoformat() if found else None,
        "last_hour": series.moment(series.last).isoformat() if found else None,
        "mean_seconds": None if tally.times.mean is None else round(tally.times.mean, 6),
        "status_classes": _status_classes(tally),
        "top_paths": _top_paths(tally, top),
        "slowest": _slowest(tally, top),
        "requests_per_hour": [
            {"hour": hour.isoformat(), "requests": count}
            for hour, count in islice(series.rows(), MAX_TABLE_HOURS)
        ],
        "notes": [*source_notes, *notes(tally, len(series.numbers()))],
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
    return found + _notes_on_times(tally)


def _notes_on_times(tally: Tally) -> list[str]:
    """Say how the times of requests were read: no log says it itself."""
    times, found = tally.times, []
    if times.points:
        found.append(
            "Times with a decimal point, behind the quoted fields, were read as seconds (nginx's "
            f"$request_time), those with a unit as they say: {times.points:,}."
        )
    if times.wholes:
        apache = {"seconds": "%T", "milliseconds": "%{ms}T"}.get(times.unit, "%D")
        found.append(
            f"Times that are whole numbers, at the end of a line, were read as {times.unit} "
            f"(Apache's {apache}): {times.wholes:,}. If they are in another unit, choose it."
        )
    missing = tally.requests - times.points - times.wholes
    if tally.requests and not (times.points or times.wholes):
        found.append(
            "No line has a number that is known to be the time of its request: none is the slowest."
        )
    elif missing:
        found.append(f"Requests without a time, which the mean leaves out: {missing:,}.")
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
            "path": printable_ends(shown_path(path)) or "(none)",
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
