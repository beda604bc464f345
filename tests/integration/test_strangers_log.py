"""What strangers can make the site log."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator

import pytest
from django.test import Client

from jobs.core.log_lines import LineFormatter
from jobs.errors import Unavailable
from webapp.strangers_log import LINES, WINDOW_SECONDS, RefusalsFilter, StrangersFilter

pytestmark = pytest.mark.django_db


class Log:
    """The lines of a handler that is made as the site's settings make it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(LineFormatter())
        self.handler.addFilter(StrangersFilter(lambda: self.now))

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def log() -> Iterator[Log]:
    made = Log()
    logging.getLogger().addHandler(made.handler)
    yield made
    logging.getLogger().removeHandler(made.handler)


def test_the_settings_use_it() -> None:
    handlers = logging.getLogger().handlers
    assert any(isinstance(one, StrangersFilter) for each in handlers for one in each.filters)


def test_a_wrong_host_is_one_line_that_names_it(log: Log) -> None:
    assert Client(headers={"Host": "evil.example"}).get("/jobs/").status_code == 400
    (line,) = log.lines
    assert "Invalid HTTP_HOST header: 'evil.example'" in line


def test_a_thousand_are_few_lines_and_then_a_number(log: Log) -> None:
    stranger = Client(headers={"Host": "evil.example"})
    for number in range(200):
        stranger.get(f"/{number}")
        Client().get(f"/nothing/{number}")
    assert len(log.lines) == LINES
    log.now += WINDOW_SECONDS
    Client().get("/nothing")
    assert len(log.lines) == LINES + 1
    request_id = "[0-9a-f]{32}"
    last = rf".*Not Found: /nothing \[{request_id}\] \(370 others before it were left out\)"
    assert re.fullmatch(last, log.lines[-1])


def test_our_own_faults_are_written_with_all_there_is(log: Log) -> None:
    for _ in range(LINES + 5):
        logging.getLogger("django.request").warning("Not Found: /x")
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logging.getLogger("django.request").exception("Internal Server Error: /")
    logging.getLogger("jobs").warning("another")
    assert "Traceback" in log.stream.getvalue()
    assert log.lines[-1].endswith("another")


def test_a_probe_a_second_of_what_is_away_is_a_line_a_minute(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise Unavailable("The storage of files cannot be used now.", 7)

    monkeypatch.setattr("jobs.api.views.health.storage_problem", away)
    request_log = logging.getLogger("django.request")
    of_the_settings = request_log.filters[:]
    assert [type(one) for one in of_the_settings] == [RefusalsFilter]
    monkeypatch.setattr(request_log, "filters", [RefusalsFilter(lambda: log.now)])
    for _ in range(150):
        assert Client().get("/readyz").status_code == 503
        log.now += 1
    said = [line for line in log.lines if "Service Unavailable: /readyz" in line]
    assert len(said) == 3
