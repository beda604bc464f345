"""People and clients for the tests that need a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.test import Client

from jobs.api import news_watcher
from jobs.api.news_watcher import NewsWatcher
from jobs.brokers import registry as brokers
from jobs.catalog import all_tasks, registry
from jobs.core import rights
from jobs.core.rare_line import unusable_database
from jobs.queries import database_health
from jobs.submission import backlog
from tests.factories import make_staff, make_user
from tests.integration import page_tasks as tasks_of_pages
from tests.integration.api_client import Api
from tests.integration.api_tasks import declare
from tests.integration.page_jobs import PageJobs
from tests.integration.recording_broker import RecordingBroker
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> None:
    cache.clear()
    rights._rarely.forget()
    database_health._health.forget()
    unusable_database.over()


@pytest.fixture
def frozen_clock() -> Iterator[datetime]:
    """Stop the clock where a test compares a duration: a slow machine makes 5 m 1 s of 5 m."""
    now = datetime.now(UTC)
    with time_machine.travel(now, tick=False):
        yield now


@pytest.fixture
def watcher(monkeypatch: pytest.MonkeyPatch) -> Iterator[NewsWatcher]:
    """The one of this process; its thread ends as soon as nobody waits."""
    monkeypatch.setattr(news_watcher, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(news_watcher, "LONG_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(news_watcher, "watcher", watcher := NewsWatcher())
    yield watcher
    for wait in [*watcher._waits]:
        wait.end()
    wait_until(lambda: not watcher._is_running, what="the thread has ended")
    assert len(watcher) == 0


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada", password="long-enough-7")


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob")


@pytest.fixture
def chief(db: None) -> User:
    """Staff who may see everybody's jobs, and change them."""
    return make_staff("chief", "view_job", "change_job", "view_upload")


@pytest.fixture
def api_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare the tasks of ``api_tasks``, for this test alone."""
    all_tasks()
    monkeypatch.setattr(registry, "_declared", dict(registry._declared))
    monkeypatch.setattr(registry, "_by_name", {})
    declare()


@pytest.fixture
def jobs_setting(settings: Any, tmp_path: Path) -> Callable[..., None]:
    """Change ``settings.JOBS`` for this test: call it with the keys that are to be different."""
    before = dict(settings.JOBS)

    def change(**keys: Any) -> None:
        settings.JOBS = {**settings.JOBS, **keys}

    settings.JOBS = {**before, "DATA_DIR": tmp_path}
    return change


@pytest.fixture
def api(ada: User, api_tasks: None, jobs_setting: Any, monkeypatch: pytest.MonkeyPatch) -> Api:
    """Ada's client. Nothing is known yet of how full the queues are."""
    monkeypatch.setattr(backlog, "_known", {})
    return Api(ada)


@pytest.fixture
def page_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare the tasks of ``page_tasks``, for this test alone; nothing is known of the queues."""
    all_tasks()
    monkeypatch.setattr(registry, "_declared", dict(registry._declared))
    monkeypatch.setattr(registry, "_by_name", {})
    monkeypatch.setattr(backlog, "_known", {})
    tasks_of_pages.declare()


@pytest.fixture
def page(ada: User, page_tasks: None, jobs_setting: Any) -> Client:
    """Ada's browser."""
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
def page_jobs(ada: User, page_tasks: None, jobs_setting: Any) -> PageJobs:
    """Makes jobs of Ada's in any state."""
    return PageJobs(ada)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> RecordingBroker:
    """Notes which jobs consumers are notified of."""
    made = RecordingBroker()
    monkeypatch.setattr(brokers, "get_broker", lambda: made)
    return made


@pytest.fixture
def root(client: Client) -> Client:
    """A superuser's browser."""
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def looker(client: Client) -> Client:
    """A browser of someone who may look at jobs, and no more."""
    user = make_user("looker", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_job"))
    client.force_login(user)
    return client


@pytest.fixture
def no_jobs(jobs_setting: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files in a folder of this test, and nothing known of how full the queues are."""
    monkeypatch.setattr(backlog, "_known", {})
