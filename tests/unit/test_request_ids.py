"""Which id of a request is taken as it came, and what is logged of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.core.log_lines import LineFormatter
from jobs.core.request_ids import (
    MOST_CHARACTERS,
    RequestIdFilter,
    accepted_request_id,
    current_request_id,
    new_request_id,
    reset_request_id,
    set_request_id,
)
from jobs.models import Job


def record(**more: Any) -> logging.LogRecord:
    made = logging.LogRecord("jobs", logging.INFO, __file__, 1, "saved", None, None)
    vars(made).update(more)
    return made


@pytest.fixture
def within_a_request() -> Iterator[None]:
    token = set_request_id("order-7")
    yield
    reset_request_id(token)


@pytest.mark.parametrize(
    "given",
    [
        "7",
        "5f0c2d1f-2a6b-4c0e-9d8b-7a6c5e4f3a21",
        "Root=1-67891233-abcdef012345678912345678",
        "dGhpcyBpcyBhbiBpZA+/==",
        "host:80@a~b_c.d",
        "x" * MOST_CHARACTERS,
    ],
)
def test_an_id_is_taken_as_it_came(given: str) -> None:
    assert accepted_request_id(given) == given


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "x" * (MOST_CHARACTERS + 1),
        "two words",
        "one,two",
        "line\nfeed",
        "end\n",
        'quote"',
        "<b>",
        "ä",
        "\u0662",
        "a;b",
        "100%",
    ],
)
def test_for_anything_else_a_new_one_is_made(given: str | None) -> None:
    made = accepted_request_id(given)
    assert made != given
    assert accepted_request_id(made) == made
    assert accepted_request_id(given) != made


def test_one_that_is_taken_has_room_in_the_row_of_a_job() -> None:
    assert Job._meta.get_field("request_id").max_length == MOST_CHARACTERS
    assert len(new_request_id()) <= MOST_CHARACTERS


@pytest.mark.usefixtures("within_a_request")
def test_a_line_ends_with_it() -> None:
    assert LineFormatter().format(record()).endswith(" INFO jobs: saved [order-7]")


@pytest.mark.usefixtures("within_a_request")
def test_a_traceback_comes_after_it() -> None:
    error = ValueError("no")
    text = LineFormatter().format(record(exc_info=(ValueError, error, None)))
    assert text.splitlines()[0].endswith("saved [order-7]")
    assert text.splitlines()[-1] == "ValueError: no"


def test_outside_of_a_request_a_line_has_none() -> None:
    assert current_request_id() == ""
    assert LineFormatter().format(record()).endswith(" INFO jobs: saved")


def test_a_record_that_names_its_request_has_that_one() -> None:
    about = record(request=SimpleNamespace(request_id="order-8"))
    assert LineFormatter().format(about).endswith("saved [order-8]")
    assert LineFormatter().format(record(request_id="order-9")).endswith("saved [order-9]")
    assert LineFormatter().format(record(request="a socket")).endswith("saved")


@pytest.mark.usefixtures("within_a_request")
def test_a_formatter_of_a_project_gets_it_by_a_filter() -> None:
    passed = record()
    assert RequestIdFilter().filter(passed)
    assert logging.Formatter("%(message)s %(request_id)s").format(passed) == "saved order-7"
    other = record(request_id="of a job")
    RequestIdFilter().filter(other)
    assert vars(other)["request_id"] == "of a job"


def test_the_filter_gives_a_record_without_one_an_empty_text() -> None:
    passed = record()
    RequestIdFilter().filter(passed)
    assert logging.Formatter("%(message)s|%(request_id)s").format(passed) == "saved|"
