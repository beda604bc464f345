"""What ``fetch_url`` takes for the title and the encoding of a page is what Chromium does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import endec
import pytest

from tests.web_pages import PAGES, WebPage
from webapp.safe_http import title_of
from webapp.safe_http.charset import charset_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Two labels mean the same encoding if these bytes become the same text by both.
PROBE = bytes(range(0x20, 0x100)) + b"\xad\xa1\xe9\xa1\x1b$B-!\x1b(B"


class Handler(BaseHTTPRequestHandler):
    """Answers with the page of the number in the path."""

    def do_GET(self) -> None:
        number = self.path.strip("/")
        page = PAGES[int(number)] if number.isdecimal() else WebPage("", b"", "text/plain", "", "")
        self.send_response(200)
        if page.content_type:
            self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        self.wfile.write(page.body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def web(browser: Browser) -> Iterator[tuple[Page, str]]:
    """A window of the browser, and the address of the pages' server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        window = browser.new_page()
        yield window, f"http://127.0.0.1:{server.server_port}"
        window.close()
        server.shutdown()
        thread.join()


def meaning(label: str) -> str:
    return endec.decode(PROBE, label, "replace", bom="ignore")


@pytest.mark.parametrize("number", range(len(PAGES)), ids=[page.name for page in PAGES])
def test_a_page_is_read_as_chromium_reads_it(web: tuple[Page, str], number: int) -> None:
    window, server = web
    page = PAGES[number]
    window.goto(f"{server}/{number}")
    shown = (window.evaluate("document.title"), window.evaluate("document.characterSet"))
    assert shown == (page.title, page.charset)
    assert title_of(page.body, page.content_type) == page.title
    if page.title:
        assert meaning(charset_of(page.body, page.content_type)) == meaning(page.charset)
