"""A real browser over a real server. Skipped with a reason where there is none."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from jobs.catalog import all_tasks, registry
from jobs.submission import backlog
from tests.integration import page_tasks
from tests.integration.page_jobs import PageJobs

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

# Playwright's synchronous API runs an event loop in this thread, which Django takes for
# asynchronous code. It is not: the tests wait for the browser between their queries.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 20_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here, so that ``-m 'not browser'`` leaves it out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a file, and no longer: tests of coroutines that come after want no loop."""
    pytest.importorskip("playwright", reason="Playwright is not installed")
    from playwright.sync_api import Error, sync_playwright

    found = next((path for path in map(shutil.which, NAMES) if path), None)
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        except Error as error:
            pytest.skip(f"No browser starts: {str(error).splitlines()[0]}")
        yield started
        started.close()


@pytest.fixture
def ada(transactional_db: None) -> User:
    return User.objects.create_user("ada", password="long-enough-7")


@pytest.fixture
def page_jobs(ada: User, monkeypatch: pytest.MonkeyPatch) -> PageJobs:
    """Makes jobs of Ada's in any state, of the tasks that are made for the pages' tests."""
    all_tasks()
    monkeypatch.setattr(registry, "_declared", dict(registry._declared))
    monkeypatch.setattr(registry, "_by_name", {})
    monkeypatch.setattr(backlog, "_known", {})
    page_tasks.declare()
    return PageJobs(ada)


class Site:
    """Opens pages of the site in the browser, signed in. Collects what the browser complains of."""

    def __init__(self, browser: Browser, server: LiveServer, user: User) -> None:
        self._browser = browser
        self._server = server
        self.user = user
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def open(self, path: str, **options: Any) -> Page:
        """Open a page in a window of its own; options are those of a browser context."""
        context = self._browser.new_context(base_url=self._server.url, **options)
        context.set_default_timeout(PATIENCE)
        context.add_cookies([self._session()])
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self._hear("error", str(error)))
        page.goto(path)
        return page

    def _session(self) -> Any:
        client = Client()
        client.force_login(self.user)
        key = client.cookies[settings.SESSION_COOKIE_NAME].value
        return {"name": settings.SESSION_COOKIE_NAME, "value": key, "url": self._server.url}

    def _hear(self, kind: str, text: str) -> None:
        # An answer of 4xx is no complaint about the page.
        if kind in {"error", "warning"} and not re.search(r"status of 4\d\d", text):
            self.complaints.append(text)

    def close(self) -> None:
        """Close all windows."""
        for context in self._contexts:
            context.close()


@pytest.fixture
def site(browser: Browser, live_server: LiveServer, page_jobs: PageJobs) -> Iterator[Site]:
    """The site as Ada sees it; a browser that complains (CSP, a script's error) fails the test."""
    opened = Site(browser, live_server, page_jobs.owner)
    yield opened
    opened.close()
    assert opened.complaints == []


@pytest.fixture
def saw() -> Callable[[Page, str], list[str]]:
    """Note the requests whose address holds a text: ``GET /jobs/.../live 304``."""

    def watch(page: Page, text: str) -> list[str]:
        seen: list[str] = []
        page.on(
            "response",
            lambda answer: (
                seen.append(f"{answer.request.method} {answer.status}")
                if text in answer.url
                else None
            ),
        )
        return seen

    return watch
