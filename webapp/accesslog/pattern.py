r"""The shape of one line in common or combined format.

::

    203.0.113.9 - ada [01/Mar/2026:13:05:07 +0000] "GET /a?b=c HTTP/1.1" 200 512 "ref" "agent" 0.12

Read are: the hour, the zone, the path without its query, the status, the size, and the tail: what
follows the quoted fields, of which there may be any number (nginx adds one for X-Forwarded-For).
What stands before the date does not matter: user fields may be missing, and syslog, containers and
virtual hosts put more in front.
"""

from __future__ import annotations

import re

# Every repeat is possessive (``++``, ``*+``) or atomic (``(?>...)``), so nothing is matched twice:
# the time for a line is proportional to its length, whatever it contains. That of a group is
# atomic: Python 3.11.0 to 3.11.4 match possessive repeats of groups wrongly (gh-106052).
QUOTED = rb'"[^"\\\n]*+(?>(?:\\.[^"\\\n]*+)*)"'
_DAY = (
    rb"(?:0[1-9]|[12]\d|30(?!/Feb)|31(?!/(?:Feb|Apr|Jun|Sep|Nov)))"
    rb"/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
)

LINE = re.compile(
    rb"^(?!\[\d\d/)[^\[\n]*+(?>(?:\[(?!\d\d/)[^\[\n]*+)*)"
    rb"\[(?P<hour>" + _DAY + rb"/(?:19|20)\d\d:(?:[01]\d|2[0-3])):(?P<clock>[0-5]\d:[0-6]\d)"
    rb"(?>(?:[.,]\d{1,9}+)?) (?P<zone>[+-](?:[01]\d|2[0-3])[0-5]\d)\] "
    rb'"(?>(?:[A-Za-z_-]++ )?)(?P<path>[^\s"?\\]*+(?>(?:\\.[^\s"?\\]*+)*))'
    rb'[^"\\\n]*+(?>(?:\\.[^"\\\n]*+)*)" '
    rb"(?P<status>\d{3}) (?:(?P<size>\d{1,18})|-)(?=\s)"
    rb"(?>(?: " + QUOTED + rb")*)"
    rb"(?P<tail>[^\n]*+)\n",
    re.MULTILINE,
)

FIELDS = tuple(LINE.groupindex)

MONTHS = {
    name: number
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}


def split(block: bytes) -> tuple[list[bytes], list[list[bytes]]]:
    """Return the gaps, and the fields of all lines as columns in the order of FIELDS.

    ``gaps[n]`` is the text before line ``n`` that is not a log line; a field that a line does not
    have is None or empty. One ``split`` of a block makes no tuple for each line: it is the fastest
    way found.
    """
    flat = LINE.split(block)
    step = len(FIELDS) + 1
    return flat[::step], [flat[number::step] for number in range(1, step)]


def moment(hour: bytes, clock: bytes, zone: bytes) -> str:
    """Return the time of a line in the format of RFC 3339, as in ``2026-03-01T13:05:07+00:00``."""
    day, month, year, hours = hour.decode("ascii").replace(":", "/").split("/")
    offset = zone.decode("ascii")
    return f"{year}-{MONTHS[month]:02}-{day}T{hours}:{clock.decode()}{offset[:3]}:{offset[3:]}"


def printable(text: bytes, limit: int = 120) -> str:
    """Return the bytes as readable text of at most ``limit`` characters."""
    clear = _clear(text[: 4 * limit])
    return clear if len(clear) <= limit and len(text) <= 4 * limit else clear[: limit - 1] + "…"


def printable_ends(text: bytes, limit: int = 120) -> str:
    """Return as ``printable``, but leave out the middle: paths often differ in their ends only."""
    if len(text) <= 4 * limit:
        clear = _clear(text)
        if len(clear) <= limit:
            return clear
    tail = limit * 2 // 5
    return _clear(text[: 4 * limit])[: limit - 1 - tail] + "…" + _clear(text[-4 * limit :])[-tail:]


def _clear(text: bytes) -> str:
    decoded = text.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in decoded)
