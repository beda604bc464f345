"""How long a request took, read from what follows the quoted fields of its line (the tail).

There is no format for it, so the first of these is taken that has a ground:

- a number with a decimal point, wherever it stands, is in seconds (nginx: ``$request_time``). It
  may be named (``rt=0.12``). Not one of a list ("0.1, 0.2": ``$upstream_response_time``), not one
  with more than six digits before the point (``$msec`` is the time of day), not one in quotes;
- a number with a unit (Traefik: ``7ms``);
- a whole number that ends the line and is the only one in the tail (Apache: ``%D``, ``%T``). Of
  two, nobody knows what they are: Apache's ``combinedio`` ends with the bytes in and out, and in
  HAProxy's lines ports and counts of connections follow.
"""

from __future__ import annotations

import re
from itertools import repeat

from .pattern import QUOTED

_FIELD = rb"(?:" + QUOTED + rb'(?=\s)|[^\s"]\S*+)'
_NAME = rb"(?:rt|request_time|req_time|response_time|duration)"
_UNIT = rb"(?:ms|us|\xc2\xb5s|s)"
_SECONDS = (
    rb"(?<!, )(?>(?:" + _NAME + rb"=\"?+)?)"
    rb"(?P<number>\d{1,6}+\.\d{1,9}+(?!\d)|\d{1,9}+(?>(?:\.\d{1,9}+)?)(?=" + _UNIT + rb"))"
    rb"(?>(?P<unit>" + _UNIT + rb')?)"?+(?=\s|\Z)'
)
_ANY_SECONDS = re.compile(rb"(?:[ \t]++" + _FIELD + rb")*?[ \t]++" + _SECONDS)
_LAST_WHOLE = re.compile(
    rb"(?>(?:[ \t]++(?!\d++(?:\s|\Z))" + _FIELD + rb")*)[ \t]++(\d{1,15}+)\s*+\Z"
)
_UNITS = {b"s": 1, b"ms": 1_000, b"us": 1_000_000, b"\xc2\xb5s": 1_000_000}


def read_tails(tails: list[bytes]) -> tuple[list[float | None], list[int | None]]:
    """Return the seconds, and the whole numbers whose unit is not known, by line.

    A list is empty when no line has such a number.
    """
    joined = b"".join(tails)
    if not joined.translate(None, b" \r"):
        return [], []
    if not joined.translate(None, b"0123456789. \r"):  # nearly always, and much faster
        try:
            if b"." not in joined:
                wholes = list(map(int, tails))
                if max(wholes) < 10**15:
                    return [], list(wholes)
            seconds = list(map(float, tails))
            if joined.count(b".") == len(tails) and max(seconds) < 1_000_000:
                return list(seconds), []
        except ValueError:  # two numbers in a line, or none
            pass
    return _read_each(tails)


def _read_each(tails: list[bytes]) -> tuple[list[float | None], list[int | None]]:
    seconds: list[float | None] = list(repeat(None, len(tails)))
    wholes: list[int | None] = list(repeat(None, len(tails)))
    for index, tail in enumerate(tails):
        if found := _ANY_SECONDS.match(tail):
            seconds[index] = float(found["number"]) / _UNITS[found["unit"] or b"s"]
        elif found := _LAST_WHOLE.match(tail):
            wholes[index] = int(found[1])
    return seconds, wholes
