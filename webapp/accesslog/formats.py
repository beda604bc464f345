"""Names of other log formats, for a file that holds none of ours."""

from __future__ import annotations

import codecs
import re

_FORMATS: list[tuple[str, re.Pattern[bytes]]] = [
    (name, re.compile(pattern))
    for name, pattern in (
        ("docker's JSON files (give what `docker logs` prints)", rb'\{"log":"'),
        ("JSON lines", rb"\s*[{\[]\s*[\"{\]}]"),
        ("W3C's extended format (IIS, Amazon CloudFront)",
         rb"#(?:Software|Version|Date|Fields):|\d{4}-\d\d-\d\d[ \t]\d\d:\d\d:\d\d[ \t]\S"),
        ("an AWS Application Load Balancer's", rb"(?:https?|h2|grpcs?|wss?) \d{4}-\d\d-\d\dT\S+Z "),
        ("an AWS Classic Load Balancer's", rb"\d{4}-\d\d-\d\dT\S+Z \S+ [\d.]+:\d+ "),
        ("Amazon S3's", rb"[0-9a-f]{64} \S+ \[\d\d/\w{3}/\d{4}:[\d: +]+\] \S+ "),
        ("HAProxy's (set `option httplog clf`)",
         rb".{0,200}?:\d+ \[\d\d/\w{3}/\d{4}:[\d:.]+\] \S+ \S+/\S+ "),
        ("Squid's", rb"\d{9,10}\.\d{3} +\d+ \S+ [A-Z_]+/\d{3} "),
        ("nginx's error log", rb"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w+\] "),
        ("Apache's error log", rb"\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d[.\d]* \d{4}\] \["),
        ("logfmt", rb'(?:[\w.]+=(?:"[^"]*"|\S*) ){2}'),
        ("CSV", rb'"?[\w -]+"?(?:[,;\t]"?[\w /:.-]*"?){2}'),
    )
]  # fmt: skip


def format_of(line: bytes) -> str:
    """Return whose format the beginning of a line looks like, or "" when it is not known."""
    beginning = line[:2000].removeprefix(codecs.BOM_UTF8)
    return next((name for name, pattern in _FORMATS if pattern.match(beginning)), "")
