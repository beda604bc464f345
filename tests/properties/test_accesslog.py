"""Whatever is in a log: nothing raises, nothing is lost, and the totals are the naive ones."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree as ET

from hypothesis import example, given, settings
from hypothesis import strategies as st

from webapp.accesslog import Tally, hours_csv, hours_svg, summary
from webapp.accesslog.capped import CappedCounter

ZONES = (-720, -330, 0, 60, 345, 840)
PATHS = st.from_regex(r"/[a-z0-9%é._~-]{0,12}", fullmatch=True)
QUOTED = st.text(st.characters(exclude_characters='"\\\n\r', codec="utf-8"), max_size=20)


FRONTS = st.sampled_from(
    ["::1 - - ", "h - ada b ", "h ", "example.org:443 h - - ", "Mar  1 13:05:07 w nginx[7]: h - - ",
     "2026-03-01T13:05:07.000000000Z stdout F h - - ", "web_1  | h - [x] ", "1.2.3.4, 5.6.7.8 - - "]
)  # fmt: skip
BEHINDS = st.sampled_from(
    ["{}", "731 {}", "{} 0.25, 0.5", "- {} 200 id", '"more" {}', "rt={} urt=9.5"]
)


@dataclass(frozen=True)
class Entry:
    """One request, as a naive program would hold it."""

    when: datetime
    path: str
    status: int
    size: int | None
    millis: int | None
    tail: tuple[str, str] | None
    front: str
    behind: str

    def line(self) -> bytes:
        stamp = self.when.strftime("%d/%b/%Y:%H:%M:%S %z")
        size = "-" if self.size is None else self.size
        parts = [f'{self.front}[{stamp}] "GET {self.path} HTTP/1.1" {self.status} {size}']
        parts += [f'"{text}"' for text in self.tail or ()]
        parts += [] if self.millis is None else [self.behind.format(f"{self.millis / 1000:.3f}")]
        return " ".join(parts).encode() + b"\n"


def moments(zone: int) -> st.SearchStrategy[datetime]:
    return st.datetimes(
        datetime(1990, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
        datetime(2090, 1, 1),  # noqa: DTZ001
        timezones=st.just(timezone(timedelta(minutes=zone))),
    )


def entries(zone: int) -> st.SearchStrategy[list[Entry]]:
    entry = st.builds(
        Entry,
        when=moments(zone),
        path=PATHS,
        status=st.integers(100, 599),
        size=st.none() | st.integers(0, 10**12),
        millis=st.none() | st.integers(0, 10**6),
        tail=st.none() | st.tuples(QUOTED, QUOTED),
        front=FRONTS,
        behind=BEHINDS,
    )
    return st.lists(entry, max_size=30)


@given(st.sampled_from(ZONES).flatmap(entries), st.integers(1, 30))
def test_the_totals_are_those_of_a_naive_program(found: list[Entry], cut: int) -> None:
    tally = Tally(slowest=3)
    lines = [entry.line() for entry in found]
    tally.feed(b"".join(lines[:cut]))
    tally.feed(b"".join(lines[cut:]))
    assert (tally.lines, tally.requests, tally.malformed) == (len(found), len(found), 0)
    assert tally.bytes_sent == sum(entry.size or 0 for entry in found)
    assert tally.statuses == Counter(b"%d" % entry.status for entry in found)
    paths = Counter(entry.path.encode() for entry in found)
    assert tally.paths.top(100) == sorted(paths.items(), key=lambda item: (-item[1], item[0]))
    hours = Counter(entry.when.replace(minute=0, second=0, microsecond=0) for entry in found)
    assert {hour: n for hour, n in tally.hours.series().rows() if n} == hours
    slow = [(entry.millis / 1000, entry.path) for entry in found if entry.millis is not None]
    slow.sort(key=lambda item: -item[0])
    assert [(request.seconds, request.path) for request in tally.slowest] == slow[:3]


LINE_PARTS = st.sampled_from(
    [b"h - - [", b"01/Mar/2026:13:05:07 +0000", b"] ", b'"', b"GET / HTTP/1.1", b'" 200 1', b"\n",
     b"\\", b" ", b"-", b"29/Feb/2027:23:59:60 -0000", b" 0.5", b" 99999999999999999999", b"\r\n",
     b'h - - [01/Mar/2026:13:05:07 +0000] "GET /\xff HTTP/1.1" 200 12 "r" "a" 7\n']
)  # fmt: skip


@given(st.lists(LINE_PARTS | st.binary(max_size=8), max_size=60).map(b"".join))
@example(b'h - - [29/Feb/2027:00:00:00 -2359] "" 000 0\n')
@example(b'h - - [31/Dec/2099:23:59:59 -2359] "\x00" 999 999999999999999999 999999999999999\n')
def test_no_bytes_raise_and_each_line_is_counted_once(data: bytes) -> None:
    tally = Tally()
    tally.feed(data + b"\n")
    lines = (data + b"\n").split(b"\n")[:-1]
    assert tally.lines == len(lines)
    assert tally.requests + tally.malformed == sum(1 for line in lines if line.strip())
    series = tally.hours.series()
    json.dumps(summary(tally, series), allow_nan=False).encode()
    ET.fromstring(hours_svg(series))
    assert len(hours_csv(series).splitlines()) >= 1


@settings(max_examples=50)
@given(st.lists(st.lists(st.binary(max_size=2), max_size=40), max_size=20), st.integers(4, 30))
def test_a_capped_count_is_never_too_high_and_off_by_no_more_than_it_says(
    batches: list[list[bytes]], cap: int
) -> None:
    counter, exact = CappedCounter(cap), Counter[bytes]()
    for batch in batches:
        counter.update(batch)
        exact.update(batch)
    kept = dict(counter.top(10_000))
    assert len(kept) <= cap
    for key, count in exact.items():
        assert kept.get(key, 0) <= count <= kept.get(key, 0) + counter.missed
