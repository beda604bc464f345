"""Reading access logs: the shape of a line, the totals, the hours."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.accesslog_maker import Recipe, RequestTime, Style, make_log
from tests.unit.access_logs import GOOD, HEAD, tally_of, write_log
from webapp.accesslog import Tally, hours_csv, hours_svg, summary
from webapp.accesslog.capped import CappedCounter
from webapp.accesslog.hours import HourCounter, HourSeries, hour_number
from webapp.accesslog.pattern import FIELDS, LINE, printable, printable_ends
from webapp.accesslog.tally import Columns, _folded, shown_path


def fields(line: str) -> dict[str, bytes]:
    match = LINE.fullmatch(line.encode() + b"\n")
    assert match, line
    return match.groupdict()


# --- Lines ---------------------------------------------------------------------------------


def test_the_columns_are_named_in_the_order_of_the_pattern() -> None:
    plural = {"hour": "hours", "clock": "clocks", "zone": "zones", "path": "paths",
              "status": "statuses", "size": "sizes", "tail": "tails"}  # fmt: skip
    assert Columns._fields == tuple(plural[name] for name in FIELDS)


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        (HEAD + '"GET /a?b=c HTTP/1.1" 200 512', "path", b"/a"),
        (HEAD + '"GET / HTTP/1.1" 200 -', "size", None),
        (HEAD + '"-" 408 0', "path", b"-"),
        (HEAD + '"" 400 0', "path", b""),
        (HEAD + '"\\x16\\x03\\x01" 400 150', "path", b"\\x16\\x03\\x01"),
        (HEAD + '"GET /say\\"hi\\" HTTP/1.1" 200 1', "path", b'/say\\"hi\\"'),
        (HEAD + '"GET http://example.org/x HTTP/1.1" 200 1', "path", b"http://example.org/x"),
        ('2001:db8::1 - - [01/Mar/2026:13:05:07 +0000] "GET / HTTP/2.0" 200 1', "status", b"200"),
        ('h - ada b [01/Mar/2026:23:59:60 -0330] "GET / HTTP/1.1" 200 1', "zone", b"-0330"),
        ('v.org:80 h - - [01/Mar/2026:13:05:07 +0000] "GET /v H" 200 1', "path", b"/v"),
        (HEAD + '"GET / HTTP/1.1" 200 1 "-" "agent"', "tail", b""),
        (HEAD + '"GET / HTTP/1.1" 200 1 0.250', "tail", b" 0.250"),
        (HEAD + '"GET / HTTP/1.1" 200 1 "r" "agent" 1500', "tail", b" 1500"),
        (HEAD + '"GET / HTTP/1.1" 200 1 "r" "a \\"q\\" 9" "x, y" 0.5', "tail", b" 0.5"),
        (HEAD + '"GET / HTTP/1.1" 200 1 "r" "never closed', "tail", b' "never closed'),
    ],
)
def test_a_line_in_either_format_is_understood(line: str, name: str, value: bytes | None) -> None:
    assert fields(line)[name] == value


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        HEAD,
        HEAD + '"GET / HTTP/1.1" 200',
        HEAD + '"GET / HTTP/1.1" 200 12x',
        HEAD + '"GET / HTTP/1.1" 20 12',
        HEAD + '"GET / HTTP/1.1 200 12',
        '[01/Mar/2026:13:05:07 +0000] "GET / HTTP/1.1" 200 1',
        *(
            f'h - - [{moment}] "GET / HTTP/1.1" 200 1'
            for moment in (
                "31/Feb/2026:13:05:07 +0000",
                "30/Feb/2026:13:05:07 +0000",
                "31/Apr/2026:13:05:07 +0000",
                "00/Mar/2026:13:05:07 +0000",
                "01/Mrz/2026:13:05:07 +0000",
                "01/Mar/0001:13:05:07 +0000",
                "01/Mar/2026:24:05:07 +0000",
                "01/Mar/2026:13:61:07 +0000",
                "01/Mar/2026:13:05:07 +2400",
                "2026-03-01T13:05:07+00:00",
            )
        ),
    ],
)
def test_another_line_is_malformed_and_shown_with_its_number(line: str) -> None:
    tally = Tally()
    tally.feed(GOOD + b"\n" + line.encode() + b"\n" + GOOD)
    assert (tally.lines, tally.requests, tally.malformed) == (4, 2, 1)
    assert tally.samples == [f"line 3: {printable(line.encode())}"]


def test_only_the_first_malformed_lines_are_kept() -> None:
    tally = Tally()
    tally.feed(b"bad\n" * 1000)
    tally.feed(b"bad\n" * 1000)
    assert (tally.lines, tally.malformed, len(tally.samples)) == (2000, 2000, 5)
    assert tally.samples[4] == "line 5: bad"


def test_text_that_cannot_be_shown_is_escaped_and_shortened() -> None:
    assert printable(b"caf\xc3\xa9 \xff\x00\x1b[31m") == "café \\xff\\x00\\x1b[31m"
    assert len(printable(b"x" * 10_000)) == 120
    assert printable("é".encode() * 121).endswith("é…")


# --- Totals --------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["common", "combined"])
@pytest.mark.parametrize("request_time", ["none", "seconds", "microseconds"])
@pytest.mark.parametrize("gzipped", [False, True])
def test_the_totals_are_those_that_were_written(
    tmp_path: Path, style: Style, request_time: RequestTime, gzipped: bool
) -> None:
    recipe = Recipe(
        4000, style=style, request_time=request_time, gzipped=gzipped, malformed_every=97
    )
    expected = make_log(tmp_path / "made.log", recipe)
    tally = tally_of(tmp_path / "made.log")
    assert (tally.requests, tally.malformed) == (expected.requests, expected.malformed)
    assert tally.bytes_sent == expected.bytes_sent
    assert tally.statuses == {k.encode(): n for k, n in expected.statuses.items()}
    assert dict(tally.hours.series().rows()) == expected.hours
    assert {path.decode(): n for path, n in tally.paths.top(10_000)} == expected.paths
    assert [slow.seconds for slow in tally.slowest] == expected.slowest[:20]


def test_the_size_of_the_blocks_changes_nothing(tmp_path: Path) -> None:
    make_log(tmp_path / "a.log", Recipe(500, request_time="seconds", malformed_every=7))
    results = []
    for block in (100, 999, 10_000_000):
        tally = tally_of(tmp_path / "a.log", block)
        results.append((summary(tally, tally.hours.series()), tally.samples))
    assert results[0] == results[1] == results[2]


def test_of_equally_slow_requests_the_first_ones_are_kept() -> None:
    tally = Tally(slowest=2)
    tally.feed(b"".join(GOOD.replace(b"/a", b"/%d" % n)[:-1] + b" 0.5\n" for n in range(5)))
    tally.feed(GOOD.replace(b"/a", b"/later")[:-1] + b" 500000\n")
    assert [slow.path for slow in tally.slowest] == ["/0", "/1"]
    assert tally.slowest[0].when == "2026-03-01T13:05:07+00:00"


def test_long_paths_are_told_apart_and_take_little_memory() -> None:
    tally = Tally()
    long = b"/" + b"x" * 50_000
    for end in (b"one", b"two", b"one"):
        tally.feed(GOOD.replace(b"/a", long + end))
    tally.feed(GOOD.replace(b"/a", long + b"middle" + b"x" * 50_000 + b"one"))
    rows = summary(tally, tally.hours.series())["top_paths"]
    assert [row["requests"] for row in rows] == [2, 1, 1]
    assert all(len(row["path"]) <= 120 for row in rows)
    assert sorted(row["path"][-3:] for row in rows) == ["one", "one", "two"]
    assert all(len(key) < 400 for key, _ in tally.paths.top(9))


@pytest.mark.parametrize("length", [119, 120, 121, 300, 301, 5000])
def test_a_path_is_shown_by_its_ends(length: int) -> None:
    path = b"/" + b"x" * (length - 4) + b"end"
    shown = printable_ends(shown_path(_folded(path)))
    assert len(shown) == min(length, 120)
    assert shown.startswith("/x")
    assert shown.endswith("xend")
    assert ("…" in shown) == (length > 120)


def test_a_capped_counter_reports_its_possible_error() -> None:
    counter, exact = CappedCounter(cap=100), Counter[bytes]()
    for start in range(0, 3000, 50):
        keys = [b"often"] * 3 + [b"%d" % n for n in range(start, start + 50)]
        counter.update(keys)
        exact.update(keys)
        assert len(counter) <= 100
    assert counter.missed > 0
    assert counter.top(1) == [(b"often", exact[b"often"])]
    for key, count in counter.top(100):
        assert count <= exact[key] <= count + counter.missed


# --- Hours ---------------------------------------------------------------------------------


def test_hours_in_two_zones_are_shown_in_the_one_with_more_requests() -> None:
    hours = HourCounter()
    hours.update([b"29/Mar/2026:01"], [b"+0100"])
    hours.update([b"29/Mar/2026:03"] * 2 + [b"29/Mar/2026:01"], [b"+0200"] * 2 + [b"+0100"])
    series = hours.series()
    assert series.zone == 120
    assert [(f"{hour:%H %z}", n) for hour, n in series.rows()] == [("02 +0200", 2), ("03 +0200", 2)]


def test_the_empty_hours_between_are_in_the_series() -> None:
    hours = HourCounter()
    hours.update([b"28/Feb/2028:23", b"01/Mar/2028:00"], [b"+0000"] * 2)
    rows = list(hours.series().rows())
    assert len(rows) == 26
    assert rows[0] == (datetime(2028, 2, 28, 23, tzinfo=UTC), 1)
    assert rows[-1] == (datetime(2028, 3, 1, 0, tzinfo=UTC), 1)
    assert sum(count for _, count in rows) == 2


def test_a_log_over_a_century_is_neither_filled_nor_drawn_hour_by_hour() -> None:
    hours = HourCounter()
    hours.update([b"01/Jan/1990:00", b"31/Dec/2089:23"], [b"+0000"] * 2)
    series = hours.series()
    assert len(list(series.rows())) == 2
    assert hours_svg(series).count("<rect") <= 201


def test_too_many_different_hours_are_counted_as_such() -> None:
    hours = HourCounter(cap=2)
    hours.update([b"01/Mar/2026:%02d" % n for n in (1, 2, 3, 2)], [b"+0000"] * 4)
    assert hours.uncounted == 1
    assert sum(hours.series().counts.values()) == 3


def test_the_29th_of_february_of_a_common_year_is_the_first_of_march() -> None:
    assert hour_number(b"29/Feb/2027:00") == hour_number(b"01/Mar/2027:00")


def test_bins_begin_at_midnight_and_lose_nothing() -> None:
    first = hour_number(b"01/Mar/2026:05")
    series = HourSeries(0, {first: 3, first + 20: 4, first + 60: 5})
    assert series.bins(24) == [3, 4, 5]


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (1, "on 1 Mar 2026, UTC"),
        (200, "from 1 Mar 2026 to 9 Mar 2026, UTC"),
        (201, "bars: mean of 2 hours"),
        (3000, "bars: mean of a day"),
        (9000, "bars: mean of 2 days"),
    ],
)
def test_a_plot_has_a_title_and_a_description(hours: int, text: str) -> None:
    first = hour_number(b"01/Mar/2026:00")
    svg = hours_svg(HourSeries(0, dict.fromkeys(range(first, first + hours), 1)))
    ET.fromstring(svg)
    assert text in svg
    assert 1 <= svg.count('class="bar"') <= 201


def test_the_csv_has_a_line_for_each_hour() -> None:
    hours = HourCounter()
    hours.update([b"01/Mar/2026:13", b"01/Mar/2026:15"], [b"+0530"] * 2)
    assert hours_csv(hours.series()).splitlines() == [
        "hour,requests",
        "2026-03-01T13:00:00+05:30,1",
        "2026-03-01T14:00:00+05:30,0",
        "2026-03-01T15:00:00+05:30,1",
    ]


# --- The summary ---------------------------------------------------------------------------


def test_an_empty_log_has_a_summary_too(tmp_path: Path) -> None:
    tally = tally_of(write_log(tmp_path, b""))
    result = summary(tally, tally.hours.series())
    assert result["requests"] == 0
    assert result["notes"] == ["The file is empty."]
    assert "no request" in hours_svg(tally.hours.series())


def test_the_notes_list_what_was_cut() -> None:
    tally = Tally(max_paths=10)
    for hour in range(600):
        moment = b"%02d/Mar/2026:%02d" % (hour // 24 + 1, hour % 24)
        line = GOOD.replace(b"01/Mar/2026:13", moment).replace(b"/a", b"/%d" % hour)
        tally.feed(line)
    tally.feed(b"bad\n")
    result = summary(tally, tally.hours.series())
    assert len(result["requests_per_hour"]) == 504
    notes = " ".join(result["notes"])
    for text in ("not counted: 1.", "too many different paths", "first 504 of 600"):
        assert text in notes
