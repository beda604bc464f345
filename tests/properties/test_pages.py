"""Whatever a web server sends: a page is read or refused, and nothing else is raised."""

from __future__ import annotations

from contextlib import suppress

import endec
import httpx
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.core.safe_http.urls import joined, web_url
from webapp.safe_http import FetchRefused, check_url, title_of
from webapp.safe_http.charset import charset_of
from webapp.safe_http.unpack import unpacked

PARTS = st.sampled_from(
    [b"<title>", b"</title>", b"<svg>", b"</svg>", b"<meta charset=", b"koi8-r", b"punycode", b">",
     b"<!--", b"-->", b"<script>", b"&#0;", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1b$B", b"\x81",
     b"<?xml version='1.0' encoding='", b"'?>", b"utf-16", b"<template>", b"</p>", b"<![CDATA["]
)  # fmt: skip
BODIES = st.lists(PARTS | st.binary(max_size=4), max_size=40).map(b"".join)
TYPES = st.sampled_from(["text/html", "", "application/xhtml+xml"])
PARAMETERS = st.just("") | st.text(max_size=20).map("; charset={}".format) | st.text(max_size=20)


@given(BODIES, TYPES, PARAMETERS)
@example(b"<title>x</title>", "text/html", '; charset="')
@example("<title>\U0001f600</title>".encode("utf-16-le")[:-1], "text/html", "; charset=utf-16")
def test_any_page_has_a_title_and_a_known_encoding(body: bytes, kind: str, parameter: str) -> None:
    title = title_of(body, kind + parameter)
    assert len(title) <= 300
    assert title == title.strip(" \t\n\f\r")
    endec.decode(b"", charset_of(body, kind + parameter))


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "br", "zstd", "br, gzip", "x"]))
def test_any_packed_bytes_are_unpacked_within_the_limit_or_refused(body: bytes, how: str) -> None:
    with suppress(FetchRefused):
        assert len(unpacked(body, how, 1000)) <= 1000


URLS = st.lists(
    st.sampled_from(["http:", "//", "/", "\\", "[", "]", "::1", "@", ":80", "%00", "☃", "xn--",
                     "a", "..", "?", "#", " ", "\t", "127.0.0.1", "file:"])
    | st.characters(codec="utf-8"),
    max_size=12,
).map("".join)  # fmt: skip


@given(URLS)
@example("http://[::1")
@example("http://xn--n3h.example/")
def test_any_redirect_leads_to_a_web_address_or_is_refused(location: str) -> None:
    with suppress(FetchRefused):
        target = joined("http://example.org/a/", location)
        assert target.scheme in {"http", "https"}
        assert target.host
        assert str(web_url(str(target))) == str(target)
        check_url(str(target))
        httpx.Request("GET", str(target))
