"""Make realistic access logs, quickly and always the same for a seed, and say what is in them.

The lines are streamed to the file hour by hour, so a log of any length takes little memory, and
the totals are counted while writing: a test can compare an analysis with them exactly.
"""

from __future__ import annotations

import gzip
import math
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from itertools import accumulate
from pathlib import Path
from typing import IO, Literal, cast

Style = Literal["common", "combined"]
RequestTime = Literal["none", "seconds", "microseconds"]

AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/8.5.0",
    'odd \\"quoted\\" agent',
    "-",
)
REFERERS = ("-", "-", "https://www.example.org/", "https://search.example.net/?q=django+jobs")
STATUSES = {"200": 860, "304": 60, "301": 20, "302": 10, "404": 35, "403": 5, "500": 6, "503": 4}
MALFORMED = ("", "not a log line", '203.0.113.9 - - [32/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1"')


@dataclass
class Recipe:
    """What the log should look like."""

    lines: int
    seed: int = 0
    style: Style = "combined"
    request_time: RequestTime = "none"
    gzipped: bool = False
    malformed_every: int = 0
    days: int = 7
    distinct_paths: int = 400
    start: datetime = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Expected:
    """What an exact analysis of the log must find."""

    requests: int = 0
    malformed: int = 0
    bytes_sent: int = 0
    hours: Counter[datetime] = field(default_factory=Counter)
    paths: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    slowest: list[float] = field(default_factory=list)

    def classes(self) -> dict[str, int]:
        """Return the requests of each status class, as {"2xx": 17}."""
        found: Counter[str] = Counter()
        for status, count in self.statuses.items():
            found[f"{status[0]}xx"] += count
        return dict(found)


def make_log(target: Path, recipe: Recipe) -> Expected:
    """Write a log by the recipe to ``target`` and return what is in it."""
    maker = _Maker(recipe)
    with _opened(target, recipe.gzipped) as stream:
        for hour, count in _hourly(recipe):
            stream.write("".join(maker.hour(hour, count)).encode("utf-8"))
    return maker.expected


@contextmanager
def _opened(target: Path, gzipped: bool) -> Iterator[IO[bytes]]:
    if gzipped:
        with gzip.open(target, "wb", compresslevel=1) as packed:
            yield cast("IO[bytes]", packed)
    else:
        with target.open("wb") as plain:
            yield plain


def _hourly(recipe: Recipe) -> Iterator[tuple[datetime, int]]:
    """Spread the lines over the hours as people do: busy days, quiet nights."""
    hours = [recipe.start + timedelta(hours=number) for number in range(24 * recipe.days)]
    weights = [1.3 - math.cos((hour.hour - 3) * math.pi / 12) for hour in hours]
    edges = [round(recipe.lines * part / sum(weights)) for part in accumulate(weights)]
    edges[-1] = recipe.lines
    for hour, before, after in zip(hours, [0, *edges], edges, strict=False):
        yield hour, after - before


class _Maker:
    """Makes the lines of one hour after the other and counts what it makes."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.expected = Expected()
        self.made = 0
        self.random = random.Random(recipe.seed)
        count = recipe.distinct_paths
        self.paths = [f"/{self._word()}/{self._word()}/{n}.html" for n in range(count)]
        self.path_weights = list(accumulate(1 / (rank + 3) for rank in range(count)))
        self.status_weights = list(accumulate(STATUSES.values()))
        self.sizes = [self.random.randrange(120, 90_000) for _ in range(2_000)]
        self.hosts = [f"203.0.{n % 113}.{n % 251}" for n in range(997)] + ["2001:db8::17"]
        self.tails = [self._tail() for _ in range(200)]

    def _word(self) -> str:
        return self.random.choice(("shop", "news", "docs", "img", "api", "caf%C3%A9", "en", "user"))

    def _tail(self) -> str:
        if self.recipe.style == "common":
            return ""
        return f' "{self.random.choice(REFERERS)}" "{self.random.choice(AGENTS)}"'

    def hour(self, hour: datetime, count: int) -> list[str]:
        """Return ``count`` lines within that hour, and count them."""
        pick = self.random.choices
        paths = pick(self.paths, cum_weights=self.path_weights, k=count)
        statuses = pick(list(STATUSES), cum_weights=self.status_weights, k=count)
        sizes = pick(self.sizes, k=count)
        times = self._request_times(count)
        self._count(hour, paths, statuses, sizes)
        stamp = hour.strftime("%d/%b/%Y:%H")
        hosts, tails = pick(self.hosts, k=count), pick(self.tails, k=count)
        queries = pick(("", "", "?page=2", "?q=a+b&lang=de"), k=count)
        lines = [
            f"{host} - - [{stamp}:{second // 60:02}:{second % 60:02} +0000] "
            f'"GET {path}{query} HTTP/1.1" {status} {size}{tail}{time}\n'
            for host, second, path, query, status, size, tail, time in zip(
                hosts, self._seconds(count), paths, queries, statuses, sizes, tails, times,
                strict=True,
            )
        ]  # fmt: skip
        return self._with_malformed(lines)

    def _seconds(self, count: int) -> list[int]:
        return [number * 3600 // count for number in range(count)]

    def _request_times(self, count: int) -> list[str]:
        if self.recipe.request_time == "none":
            return [""] * count
        micros = [int(self.random.expovariate(12) * 1_000_000) for _ in range(count)]
        if self.recipe.request_time == "seconds":
            micros = [micro // 1000 * 1000 for micro in micros]
        seconds = [micro / 1_000_000 for micro in micros]
        self.expected.slowest = nlargest(100, [*self.expected.slowest, *seconds])
        if self.recipe.request_time == "seconds":
            return [f" {second:.3f}" for second in seconds]
        return [f" {micro}" for micro in micros]

    def _count(
        self, hour: datetime, paths: list[str], statuses: list[str], sizes: list[int]
    ) -> None:
        expected = self.expected
        expected.requests += len(paths)
        expected.bytes_sent += sum(sizes)
        expected.paths.update(paths)
        expected.statuses.update(statuses)
        if paths:
            expected.hours[hour] += len(paths)

    def _with_malformed(self, lines: list[str]) -> list[str]:
        """Add a malformed line after each ``malformed_every`` good ones."""
        every = self.recipe.malformed_every
        if not every:
            return lines
        mixed = []
        for line in lines:
            mixed.append(line)
            self.made += 1
            if self.made % every == 0:
                broken = self.random.choice(MALFORMED)
                mixed.append(broken + "\n")
                self.expected.malformed += bool(broken)
        return mixed
