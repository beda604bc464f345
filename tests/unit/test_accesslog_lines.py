"""Lines that a person would call common or combined, whatever stands before and behind."""

from __future__ import annotations

import pytest

from webapp.accesslog import Tally, TimeUnit, format_of, summary
from webapp.accesslog.seconds import read_tails

P = '198.51.100.7 - - [01/Mar/2026:13:05:07 +0000] "GET /a HTTP/1.1" 200 10 "-" "Agent/1"'
COMMON = '198.51.100.7 - - [01/Mar/2026:13:05:07 +0000] "GET /a HTTP/1.1" 200 10'
REST = P.partition(" - - ")[2]


def tally(*lines: str, unit: TimeUnit = "auto") -> Tally:
    found = Tally(unit=unit)
    found.feed("".join(f"{line}\n" for line in lines).encode())
    return found


@pytest.mark.parametrize(
    "line",
    [
        f"Mar  1 13:05:07 web1 nginx: {P}",
        f"Mar 11 13:05:07 web1 nginx: {P}",
        f"<190>Mar  1 13:05:07 web1 nginx[123]: {P}",
        f"<190>1 2026-03-01T13:05:07.123Z web1 nginx 123 - - {P}",
        f'<190>1 2026-03-01T13:05:07Z web1 nginx 123 ID7 [ex@32473 k="v" l="["] {P}',
        f"2026-03-01T13:05:07+00:00 web1 nginx[123]: {P}",
        f"2026-03-01T13:05:07.000000000Z stdout F {P}",
        f"2026-03-01T13:05:07.000000000Z {P}",
        f"web_1  | {P}",
        f"\x1b[36mweb-1  | \x1b[0m{P}",
        f"[pod/web-7/nginx] {P}",
        f"example.org:443 {P}",
        f"example.org {P}",
        f"198.51.100.7 {REST}",
        f"198.51.100.7 - {REST}",
        f"198.51.100.7 - ada lovelace {REST}",
        f"198.51.100.7 - [ada] {REST}",
        f"198.51.100.7, 10.0.0.1, 10.0.0.2 - - {REST}",
        f"- - - {REST}",
        f"2001:db8::1 - - {REST}",
        f"[2001:db8::1]:443 - - {REST}",
        f"web.example.org - - {REST}",
        P.replace(":07 ", ":07.123 "),
        P.replace('"GET /a HTTP/1.1"', '"/a"'),
        P.replace("Agent/1", r"Agent \"1\" \x22"),
        P.replace("Agent/1", 'Agent "1"'),
        f"\ufeff{P}",
        COMMON,
        f"{P}   ",
        f"{P}\t0.5",
    ],
)
def test_the_line_is_counted(line: str) -> None:
    found = tally(line)
    assert (found.requests, found.malformed) == (1, 0)
    assert found.paths.top(1) == [(b"/a", 1)]
    assert (found.bytes_sent, dict(found.statuses)) == (10, {b"200": 1})


@pytest.mark.parametrize("day", range(1, 32))
def test_each_day_of_syslog_is_counted(day: int) -> None:
    assert tally(f"Mar {day:2} 13:05:07 web1 nginx: {P}").requests == 1


@pytest.mark.parametrize("request_line", ["-", "", r"\x16\x03\x01\x02", "\x16\x03\x01", " ", "GET"])
def test_a_request_that_is_none_is_counted(request_line: str) -> None:
    found = tally(P.replace("GET /a HTTP/1.1", request_line))
    assert (found.requests, found.malformed) == (1, 0)


# --- Seconds -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tail", "seconds"),
    [
        (" 2.500", 2.5),
        (" 731 2.500 [ns-web-80] [] 10.0.0.1:80 10 2.498 200 id", 2.5),  # ingress-nginx
        (" 0.105 0.104", 0.105),
        (" 0.105 0.002, 0.100", 0.105),
        (" 0.002, 0.100 0.105", 0.105),
        (' "198.51.100.8" 0.105', 0.105),
        (' 0.105 "more" 7', 0.105),
        (" 9 TLSv1.2 0.250", 0.25),
        (' rt=0.105 uct="0.001" uht="0.002" urt="0.102"', 0.105),
        (' uct="0.001" rt="0.105"', 0.105),
        (' 5 "web@docker" "http://10.0.0.1:80" 7ms', 0.007),  # Traefik
        (" 1.5ms", 0.0015),
        (" 12µs", 0.000012),
        (" 3s", 3.0),
        (" 0.105\r", 0.105),
    ],
)
def test_a_number_with_a_point_or_a_unit_is_in_seconds_wherever_it_stands(
    tail: str, seconds: float
) -> None:
    for start in (P, COMMON):
        found = tally(start + tail)
        assert [slow.seconds for slow in found.slowest] == [seconds]
        assert (found.times.points, found.times.wholes) == (1, 0)


@pytest.mark.parametrize(
    "tail",
    [
        "",
        " -",
        " 512 3301",  # Apache's combinedio: bytes in and out
        ' 39820 789 "front" "back" "srv" 10 0 30 69 109 ---- 1 1 1 1 0 0 0 "" ""',  # HAProxy
        ' 731 "last"',
        " 1500 -",
        " 0.002, 0.100",
        " 1709298307.123",  # nginx's $msec
        " 10.0.0.1",
        " 10.0.0.1:80",
        ' "0.105"',
        ' "never closed 5.5 7',
        " 1e5",
        " nan",
        " 0x10",
        " 1_000",
        " -5",
        f" {'9' * 16}",
        f" {'9' * 5000}",
    ],
)
def test_no_other_number_is_taken_for_a_time(tail: str) -> None:
    found = tally(P + tail)
    assert found.requests == 1
    assert found.slowest == []
    result = summary(found, found.hours.series())
    assert result["mean_seconds"] is None
    assert "No line has a number that is known to be the time" in result["notes"][-1]


@pytest.mark.parametrize(
    ("numbers", "unit", "seconds", "words"),
    [
        ([1500], "auto", 0.0015, "read as microseconds (Apache's %D): 1."),
        ([3], "auto", 3, "read as seconds (Apache's %T): 1."),
        ([0, 0, 0, 12], "auto", 12, "read as seconds (Apache's %T): 4."),
        ([8, 900, 1500], "auto", 0.0015, "read as microseconds (Apache's %D): 3."),
        ([3], "microseconds", 0.000003, "read as microseconds (Apache's %D): 1."),
        ([1500], "milliseconds", 1.5, "read as milliseconds (Apache's %{ms}T): 1."),
        ([1500], "seconds", 1500, "read as seconds (Apache's %T): 1."),
    ],
)
def test_a_whole_number_at_the_end_is_read_in_a_unit_that_is_said(
    numbers: list[int], unit: TimeUnit, seconds: float, words: str
) -> None:
    found = tally(*(f"{P} {number}" for number in numbers), unit=unit)
    assert found.slowest[0].seconds == seconds
    assert words in " ".join(summary(found, found.hours.series())["notes"])


def test_both_kinds_and_lines_without_are_told_apart() -> None:
    found = tally(P, f"{P} 2.5", f"{P} 1500000", f"{P} -", f"{P} 7ms")
    assert [slow.seconds for slow in found.slowest] == [2.5, 1.5, 0.007]
    result = summary(found, found.hours.series())
    assert result["mean_seconds"] == pytest.approx(4.007 / 3, abs=1e-6)
    notes = " ".join(result["notes"])
    assert "as they say: 2." in notes
    assert "microseconds (Apache's %D): 1." in notes
    assert "without a time, which the mean leaves out: 2." in notes


def test_lines_of_one_kind_are_read_as_each_alone() -> None:
    """Blocks of nothing but simple numbers take a shorter way."""
    for tails in ([b" 0.5", b" 1.25\r"], [b" 7", b" 1500"], [b"", b" 0.5"], [b" 1 2.5"],
                  [b" 1.5", b" 7"], [b" 1000000.5"], [b" 5."], [b"\r", b"\r"]):  # fmt: skip
        seconds, wholes = read_tails(tails)
        alone = [read_tails([tail]) for tail in tails]
        count = len(tails)
        assert (seconds or [None] * count) == [(each[0] or [None])[0] for each in alone]
        assert (wholes or [None] * count) == [(each[1] or [None])[0] for each in alone]


# --- Other formats -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('{"level":"info","ts":1709298307.1,"request":{"method":"GET"}}', "JSON lines"),
        (r'{"log":"198.51.100.7 - - [01/Mar/2026:13:05:07 +0000] \"GET / H\" 200 1\n"}', "docker"),
        ("#Software: Microsoft Internet Information Services 10.0", "W3C"),
        ("#Version: 1.0", "W3C"),
        ("2026-03-01 13:05:07 10.0.0.1 GET / - 80 - 198.51.100.7 Agent 200 0 0 15", "W3C"),
        ("2026-03-01\t13:05:07\tFRA2\t10\t198.51.100.7\tGET", "CloudFront"),
        ("h2 2026-03-01T13:05:07.123456Z app/web/50dc 198.51.100.7:2817", "Application"),
        ("2026-03-01T13:05:07.123456Z web 198.51.100.7:2817 10.0.0.1:80 0.00007 0.001", "Classic"),
        (f"{'7' * 64} bucket [01/Mar/2026:13:05:07 +0000] 198.51.100.7 id 3E REST.GET", "S3"),
        ("Mar  1 13:05:07 lb haproxy[9]: 198.51.100.7:33317 [01/Mar/2026:13:05:07.655] in b/s 1/0",
         "HAProxy"),
        ("1709298307.123     57 198.51.100.7 TCP_MISS/200 10 GET http://example.org/ -", "Squid"),
        ("2026/03/01 13:05:07 [error] 7#7: *1 open() failed", "nginx's error log"),
        ("[Sun Mar 01 13:05:07.123 2026] [core:error] [pid 7] x", "Apache's error log"),
        ('time="2026-03-01T13:05:07Z" level=info msg=hello', "logfmt"),
        ("name;value;more", "CSV"),
        ("what is this", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_other_formats_are_named(line: str, name: str) -> None:
    assert tally(line, line).requests == 0
    assert (name in format_of(line.encode())) if name else not format_of(line.encode())
