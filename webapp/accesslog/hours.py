"""Requests per hour: counted, then returned as a series without gaps."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache

from .pattern import MONTHS

MAX_HOURS = 100_000  # eleven years; a log that names more distinct hours is not one
MAX_FILLED = 2 * 366 * 24


@lru_cache(maxsize=4096)
def hour_number(hour: bytes) -> int:
    """Return the hours since the beginning of time for ``01/Mar/2026:13``.

    The 29th of February of a year that has none is the 1st of March.
    """
    day, month, year, clock = hour.decode("ascii").replace(":", "/").split("/")
    first = date(int(year), MONTHS[month], 1).toordinal()
    return (first + int(day) - 1) * 24 + int(clock)


@lru_cache(maxsize=4096)
def zone_minutes(zone: bytes) -> int:
    """Return the minutes east of Greenwich for ``+0530``."""
    minutes = int(zone[1:3]) * 60 + int(zone[3:5])
    return -minutes if zone.startswith(b"-") else minutes


class HourCounter:
    """Counts requests by the hour in the log, separately for each time zone."""

    def __init__(self, cap: int = MAX_HOURS) -> None:
        self.uncounted = 0
        self._hours_left = cap
        self._zones: defaultdict[int, Counter[int]] = defaultdict(Counter)

    def update(self, hours: list[bytes], zones: list[bytes]) -> None:
        """Count one request for each hour and zone, as they are written in the log."""
        if zones.count(zones[0]) == len(zones):  # nearly always, and faster than pairs
            for hour, count in Counter(hours).items():
                self._add(hour, zones[0], count)
        else:
            for (hour, zone), count in Counter(zip(hours, zones, strict=True)).items():
                self._add(hour, zone, count)

    def _add(self, hour: bytes, zone: bytes, count: int) -> None:
        counts, number = self._zones[zone_minutes(zone)], hour_number(hour)
        if number in counts:
            counts[number] += count
        elif self._hours_left:
            self._hours_left -= 1
            counts[number] = count
        else:
            self.uncounted += count

    def series(self) -> HourSeries:
        """Return all hours in one zone: the one that most requests were logged in.

        The minutes are not kept, so an hour from a zone that differs by half an hour is counted
        where it began.
        """
        zones = {zone: hours for zone, hours in self._zones.items() if hours}
        main = max(zones, key=lambda zone: (zones[zone].total(), zone), default=0)
        counts: Counter[int] = Counter()
        for zone, hours in zones.items():
            shift = (main - zone) // 60
            for number, count in hours.items():
                counts[number + shift] += count
        return HourSeries(main, dict(sorted(counts.items())))


@dataclass(frozen=True)
class HourSeries:
    """Requests by hour, in one time zone, first hour first."""

    zone: int
    counts: dict[int, int]

    @property
    def first(self) -> int:
        """The number of the first hour with a request."""
        return next(iter(self.counts))

    @property
    def last(self) -> int:
        """The number of the last hour with a request."""
        return next(reversed(self.counts))

    def moment(self, number: int) -> datetime:
        """Return when the hour began."""
        zone = timezone(timedelta(minutes=self.zone))
        return datetime.combine(date.fromordinal(number // 24), time(number % 24), zone)

    def numbers(self) -> Collection[int]:
        """Return the hours to list: all from first to last, unless the log spans years."""
        if not self.counts:
            return ()
        whole = range(self.first, self.last + 1)
        return whole if len(whole) <= MAX_FILLED else self.counts

    def rows(self) -> Iterator[tuple[datetime, int]]:
        """Yield (hour, requests) for each of ``numbers``."""
        for number in self.numbers():
            yield self.moment(number), self.counts.get(number, 0)

    def bins(self, width: int) -> list[int]:
        """Return the requests of each ``width`` hours, from the first bin to the last.

        Bins begin at multiples of ``width`` since the beginning of time: a day's at midnight.
        """
        found: Counter[int] = Counter()
        for number, count in self.counts.items():
            found[number // width] += count
        return [found[index] for index in range(self.first // width, self.last // width + 1)]
