"""Titles and encodings of pages, and the work that a page can make."""

from __future__ import annotations

import codecs
from typing import Any

import pytest

from tests.web_pages import PAGES, WebPage
from webapp.safe_http import title_of
from webapp.safe_http.charset import charset_of
from webapp.safe_http.markup import CHUNK, MAX_DEPTH, MAX_EVENTS, MAX_SEARCHED, read_markup

MIB = 1024 * 1024


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_the_title_that_a_browser_shows(page: WebPage) -> None:
    assert title_of(page.body, page.content_type) == page.title


@pytest.mark.parametrize("text", ["日本語のページ", "Привет", "déjà vu"])
def test_a_page_that_names_no_encoding_is_utf_8_if_it_can_be(text: str) -> None:
    body = f"<title>{text}</title>".encode()
    assert title_of(body, "text/html") == text
    assert charset_of(body, "text/html") == "utf-8"
    assert charset_of(body[:9] + b"\xe9", "text/html") == "windows-1252"


def test_a_title_is_cut_to_be_shown() -> None:
    assert title_of(b"<title>" + b"x" * 999 + b"</title>", "text/html") == "x" * 300


def test_a_title_far_down_is_found() -> None:
    body = b"<head><script>" + b"x" * MIB + b"</script><title>down here</title>"
    assert title_of(body, "text/html") == "down here"


# --- Work ----------------------------------------------------------------------------------


class Counter:
    """A finder that is never done."""

    done = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        pass

    def end(self, tag: str) -> None:
        pass

    def data(self, text: str) -> None:
        pass


HOSTILE = {
    "nested": "<b>" * MIB,
    "crossed": "<b><p>" * MIB,
    "links": "<a><div>" * MIB,
    # libxml2 looks through all that is open for each: 31 s for 1 MiB when nobody counts.
    "ends": "<div>" * 100_000 + "</p>" * MIB,
    "texts": "<" * MIB,
    "zeros": "\0" * MIB,
    "entities": "&#0;" * MIB,
    "cells": "<table>" + "x<td>" * MIB,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_markup_is_not_read_to_its_end(text: str) -> None:
    read, events = read_markup(text, Counter())
    # What one piece holds comes on top: a tag takes three characters, and three events at most.
    assert events <= MAX_EVENTS + 3 * CHUNK
    assert read < MIB


def test_what_is_nested_deeper_than_a_browser_would_ends_the_search() -> None:
    read, events = read_markup("<i>" * 100_000, Counter())
    assert read <= CHUNK + 3 * MAX_DEPTH
    assert events < 2 * CHUNK


def test_plain_text_is_read_up_to_a_limit() -> None:
    read, _ = read_markup("<!--" + "-" * 5 * MIB, Counter())
    assert read == MAX_SEARCHED


def test_what_comes_after_the_title_is_not_read() -> None:
    class Found(Counter):
        def start(self, tag: str, attributes: dict[str, str]) -> None:
            self.done = tag == "title"

    read, _ = read_markup("<title>x</title>" + "<p>" * MIB, Found())
    assert read == CHUNK


# Labels that Python knows, and browsers do not: several take seconds or unpack.
PYTHONS = (
    "punycode idna rot13 zlib bz2 hex uu base64 quopri utf-7 unicode_escape raw_unicode_escape "
    "mbcs undefined utf-8-sig cp037"
).split()


@pytest.mark.parametrize("label", PYTHONS)
@pytest.mark.parametrize("where", ["header", "meta", "declaration"])
def test_no_codec_of_python_is_reached_by_its_name(
    label: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(codecs, "lookup", asked.append)
    # 307 bytes when packed: 41 s of CPU, when this label was Python's.
    body = b"<title>x</title>-" + b"9" * 262_144
    kind = "text/html"
    if where == "header":
        kind += f"; charset={label}"
    elif where == "meta":
        body = f"<meta charset={label}>".encode() + body
    else:
        body = f"<?xml version='1.0' encoding='{label}'?>".encode() + body
    assert title_of(body, kind) == "x"
    assert charset_of(body, kind) == "windows-1252"
    assert asked == []
