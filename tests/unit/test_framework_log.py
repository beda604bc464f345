"""What is let through of the records that the tasks framework makes of a job's end."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from jobs.compat import FRAMEWORK_LOGGER
from jobs.core.states import Status
from jobs.submission import framework_log
from jobs.submission.framework_log import ending


class Keeper(logging.Handler):
    """Keeps the records that it gets."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def keepers() -> Iterator[dict[int, Keeper]]:
    """Handlers of the framework's logger, by their levels."""
    made = {level: Keeper(level) for level in (logging.ERROR, logging.CRITICAL)}
    for keeper in made.values():
        FRAMEWORK_LOGGER.addHandler(keeper)
    yield made
    for keeper in made.values():
        FRAMEWORK_LOGGER.removeHandler(keeper)


def failure() -> logging.LogRecord:
    try:
        raise ValueError("no")
    except ValueError:
        error = sys.exc_info()
    return logging.LogRecord("f", logging.ERROR, __file__, 1, "Task state=FAILED", (), error)


def passes(record: logging.LogRecord) -> bool:
    return bool(framework_log._FILTER.filter(record))


def test_a_failure_goes_to_the_handlers_that_have_not_got_ours(
    keepers: dict[int, Keeper],
) -> None:
    record = failure()
    with ending(Status.FAILED):
        assert not passes(record)
    assert keepers[logging.ERROR].records == [record]
    assert keepers[logging.CRITICAL].records == []


def test_a_cancelled_job_is_no_error(keepers: dict[int, Keeper]) -> None:
    record = failure()
    with ending(Status.CANCELLED):
        assert passes(record)
    assert (record.levelno, record.levelname, record.exc_info) == (logging.INFO, "INFO", None)
    assert keepers[logging.ERROR].records == []


@pytest.mark.parametrize("before", [None, Status.FAILED, Status.CANCELLED])
def test_other_records_are_left_alone(before: Status | None) -> None:
    with ExitStack() as stack:
        if before is not None:
            stack.enter_context(ending(before))
    record = failure()
    assert passes(record)
    assert record.levelno == logging.ERROR


def test_a_logger_that_keeps_its_records_to_itself_has_no_other_handlers() -> None:
    above, below = logging.getLogger("tests.above"), logging.getLogger("tests.above.below")
    handlers = [Keeper(logging.ERROR), Keeper(logging.ERROR)]
    above.addHandler(handlers[0])
    below.addHandler(handlers[1])
    assert list(framework_log._handlers_of(below))[:2] == handlers[::-1]
    below.propagate = False
    assert list(framework_log._handlers_of(below)) == [handlers[1]]
