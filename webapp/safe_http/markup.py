"""Read the beginning of an HTML document, with a bound on the work."""

from __future__ import annotations

from typing import Protocol

from lxml import etree

# A page's title and its <meta> come before a few thousand tags. With these bounds no body takes
# 0.1 s (measured: 5 MiB of "&#0;", of "<div>" and then "</p>", of attributes, of "<b><p>").
MAX_SEARCHED = 2 * 1024 * 1024
MAX_EVENTS = 50_000
# Chromium nests no deeper either. libxml2 walks up all open elements for an end tag that fits none.
MAX_DEPTH = 512
CHUNK = 8 * 1024


class Finder(Protocol):
    """Is told of the tags and the text, in the order of the document, until it is ``done``."""

    done: bool

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins; ``tag`` is in lower case."""

    def end(self, tag: str) -> None:
        """An element ends."""

    def data(self, text: str) -> None:
        """Text, with its entities resolved; one text may come in several parts."""


class _Bounded:
    """Passes on to a finder what the parser finds, and counts it."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._depth = 0
        self.events = 0

    @property
    def finished(self) -> bool:
        return self._finder.done or self.events > MAX_EVENTS or self._depth > MAX_DEPTH

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.events += 1
        self._depth += 1
        if not self._finder.done:
            self._finder.start(tag, attributes)

    def end(self, tag: str) -> None:
        self.events += 1
        self._depth -= 1
        if not self._finder.done:
            self._finder.end(tag)

    def data(self, text: str) -> None:
        self.events += 1
        if not self._finder.done:
            self._finder.data(text)

    def close(self) -> None:
        """Return nothing: the finder has it."""


def read_markup(text: str, finder: Finder) -> tuple[int, int]:
    """Parse the text as HTML until the finder is done or the work is enough.

    Returns how many characters were parsed and how many tags and texts were found in them.
    """
    bounded = _Bounded(finder)
    # The text is decoded: with a stated encoding, the parser follows no <meta> of its own accord.
    parser = etree.HTMLParser(target=bounded, encoding="utf-8")
    end = min(len(text), MAX_SEARCHED)
    position = 0
    while position < end and not bounded.finished:
        parser.feed(text[position : position + CHUNK].encode("utf-8", "replace"))
        position += CHUNK
    events = bounded.events
    if position and not finder.done:
        parser.close()  # it reports a last text or tag that has no end
    return min(position, end), events
