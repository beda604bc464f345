"""What the options of a task may be, where they are said: options(), using(), @job."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User

from jobs import job
from jobs.catalog.checks import declaration_errors
from jobs.catalog.option_values import run_after_error, timeout_error
from jobs.compat import InvalidTask, task
from jobs.errors import InvalidOptions
from tests.testapp import tasks

square: Any = tasks.square
plain: Any = tasks.plain
WEST, EAST = timezone(timedelta(hours=-12)), timezone(timedelta(hours=14))


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, -5, -1, -1.0, 0, True, "5", 10**400, 2_592_001, [], object()],
)
def test_a_timeout_that_is_no_time_is_refused_where_it_is_said(value: Any) -> None:
    with pytest.raises(InvalidOptions, match=r"/timeout: It must be seconds above zero"):
        square.options(timeout=value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(5, 5), (0.5, 0.5), (timedelta(minutes=2), 120.0), (None, None), (2_592_000, 2_592_000)],
)
def test_a_timeout_may_be_seconds_or_a_timedelta(value: Any, seconds: float | None) -> None:
    assert square.options(timeout=value).timeout == seconds


@pytest.mark.parametrize("value", [timedelta(0), timedelta(-1), timedelta(days=31)])
def test_a_timedelta_has_the_same_bounds(value: timedelta) -> None:
    with pytest.raises(InvalidOptions, match="/timeout"):
        square.options(timeout=value)


@pytest.mark.parametrize("value", [0, -1, 1001, 10**30, True, 2.0, math.nan, "3", []])
def test_attempts_that_are_no_count_are_refused(value: Any) -> None:
    with pytest.raises(InvalidOptions, match=r"/max_attempts: It must be a whole number from 1"):
        square.options(max_attempts=value)


@pytest.mark.parametrize(
    ("value", "said"),
    [("k" * 201, "200 characters"), ("a\0b", "NUL"), (7, "text"), (b"k", "text"), ([], "text")],
)
def test_a_unique_key_that_cannot_be_stored_is_refused(value: Any, said: str) -> None:
    with pytest.raises(InvalidOptions, match=f"/unique_key: .*{said}"):
        square.options(unique_key=value)


@pytest.mark.parametrize("value", [7, "ada", AnonymousUser(), User(username="not saved")])
def test_an_owner_must_be_a_stored_user(value: Any) -> None:
    with pytest.raises(InvalidOptions, match="/owner: It must be a user"):
        square.options(owner=value)


def test_all_wrong_options_are_told_at_once() -> None:
    with pytest.raises(InvalidOptions) as caught:
        square.options(timeout=0, max_attempts=0, unique_key=7)
    pointers = [one["pointer"] for one in caught.value.errors]
    assert pointers == ["/max_attempts", "/unique_key", "/timeout"]


WRONG_USING: list[tuple[dict[str, Any], str]] = [
    ({"priority": math.nan}, "priority must be a whole number"),
    ({"priority": math.inf}, "priority must be a whole number"),
    ({"priority": 10**400}, "priority must be a whole number"),
    ({"priority": 1.5}, "priority must be a whole number"),
    ({"priority": True}, "priority must be a whole number"),
    ({"priority": "5"}, "priority must be a whole number"),
    ({"priority": []}, "priority must be a whole number"),
    ({"queue_name": ""}, "queue_name must be text"),
    ({"queue_name": 7}, "queue_name must be text"),
    ({"queue_name": ["default"]}, "queue_name must be text"),
    ({"queue_name": "a\0"}, "queue_name must be text"),
    ({"queue_name": "\ud800"}, "queue_name must be text"),
    ({"queue_name": "q" * 101}, "queue_name must be text"),
    ({"queue_name": "nowhere"}, "Queue 'nowhere' is not valid"),
    ({"run_after": datetime(2026, 11, 21)}, "run_after must be an aware datetime"),  # noqa: DTZ001
    ({"run_after": date(2026, 11, 21)}, "run_after must be a datetime, not a date"),
    ({"run_after": timedelta(hours=1)}, "run_after must be a datetime, not a timedelta"),
    ({"run_after": "2026-11-21"}, "run_after must be a datetime, not a str"),
    ({"run_after": 60}, "run_after must be a datetime, not a int"),
    ({"run_after": datetime.max.replace(tzinfo=WEST)}, "in the years 2 to 9998"),
    ({"run_after": datetime.max.replace(tzinfo=UTC)}, "in the years 2 to 9998"),
    ({"run_after": datetime.min.replace(tzinfo=EAST)}, "in the years 2 to 9998"),
    ({"run_after": datetime.min.replace(tzinfo=UTC)}, "in the years 2 to 9998"),
]


@pytest.mark.parametrize(("changes", "said"), WRONG_USING)
@pytest.mark.parametrize("declared", [square, plain], ids=["job", "task"])
def test_using_refuses_what_cannot_be(declared: Any, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidTask, match=said):
        declared.using(**changes)


@pytest.mark.parametrize("declared", [square, plain], ids=["job", "task"])
@pytest.mark.django_db
def test_a_whole_float_is_a_priority_as_django_has_it(declared: Any) -> None:
    result = declared.using(priority=3.0).enqueue(1)
    shown = declared.get_result(result.id).task.priority
    assert (type(shown), shown) == (int, 3)


@pytest.mark.parametrize("hours", [-12, 0, 14])
def test_the_last_time_that_every_zone_can_show(hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    assert run_after_error(datetime(9998, 12, 30, tzinfo=zone)) is None
    assert run_after_error(datetime(2, 1, 2, tzinfo=zone)) is None


def test_no_time_limit_is_a_choice() -> None:
    assert timeout_error(None) is None


# --- what @job is put on ------------------------------------------------------------------------


class Caller:
    def __call__(self, n: int) -> None: ...

    def method(self, n: int) -> None: ...

    @staticmethod
    def static(n: int) -> None: ...

    @classmethod
    def of_class(cls, n: int) -> None: ...


class Unhashable(Caller):
    __hash__ = None  # type: ignore[assignment]


def _generator(n: int) -> Iterator[int]:
    yield n


async def _async_generator(n: int) -> Any:
    yield n


def _function(n: int) -> None: ...


ODD: list[tuple[Any, str]] = [
    (partial(_function, 1), "it is a partial, not a function"),
    (Caller(), "it is a Caller, not a function"),
    (Unhashable(), "it is a Unhashable, not a function"),
    (Caller, "it is a class, not a function"),
    (Caller().method, "it is a method, not a function"),
    (Caller.method, "it is a method; put @job on a function of the module"),
    (vars(Caller)["static"], "it is a staticmethod, not a function"),
    (vars(Caller)["of_class"], "it is a classmethod, not a function"),
    (len, "it is a builtin_function_or_method, not a function"),
    (int, "it is a class, not a function"),
    (cache(_function), "it is a _lru_cache_wrapper, not a function"),
    (_generator, "it is a generator function"),
    (_async_generator, "it is a generator function"),
    (lambda n: n, "it is a lambda"),
    (SimpleNamespace(), "it is a SimpleNamespace, not a function"),
    ("mail", "it is a str, not a function"),
]


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(("given", "said"), [one for one in ODD if one[1]])
@pytest.mark.parametrize("options", [{}, {"title": "T"}])
def test_what_is_no_function_is_told_by_check_with_its_place(
    given: Any, said: str, options: dict[str, Any]
) -> None:
    loose: Any = job
    made = loose(**options)(given) if options else loose(given)
    [error, *_] = [one for one in declaration_errors() if one.code == "E001"]
    assert said in error.message
    path, _, line = error.where.rpartition(":")
    assert path == __file__
    assert int(line) > 0
    with pytest.raises(InvalidTask, match=said.split(";", maxsplit=1)[0]):
        made.enqueue(1)
    assert hash(made)
    assert made.module_path.startswith("tests.unit.") or made.module_path.startswith("builtins.")


@pytest.mark.parametrize(
    # Django takes a method and a generator for functions of a module.
    "given",
    [one for one, said in ODD if "not a function" in said or "lambda" in said],
)
def test_djangos_own_decorator_refuses_what_is_no_function(given: Any) -> None:
    with pytest.raises(InvalidTask):
        task(given)


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timeout": math.nan}, "timeout must be seconds above zero"),
        ({"timeout": timedelta(0)}, "timeout must be seconds above zero"),
        ({"timeout": True}, "timeout must be seconds above zero"),
        ({"timeout": -1}, "timeout must be seconds above zero"),
        ({"timeout": 10**400}, "timeout must be seconds above zero"),
        ({"max_attempts": 1001}, "max_attempts must be a whole number from 1 to 1000, not 1001"),
        ({"max_attempts": True}, "max_attempts must be a whole number"),
        ({"priority": math.nan}, "priority must be a whole number"),
        ({"priority": True}, "priority must be a whole number"),
        ({"queue": ""}, "queue must be text of 1 to 100 printable characters"),
        ({"queue": ["default"]}, "queue must be text"),
        ({"queue": "q" * 101}, "queue must be text"),
    ],
)
def test_check_tells_a_wrong_option_of_a_declaration(options: dict[str, Any], said: str) -> None:
    loose: Any = job
    loose(**options)(_function)
    [error] = [one for one in declaration_errors() if one.code == "E005"]
    assert said in error.message
    assert error.where.startswith(f"{__file__}:")


@pytest.mark.usefixtures("declared")
def test_a_declared_timeout_may_be_a_timedelta() -> None:
    made = job(timeout=timedelta(minutes=1))(_function)
    assert made.timeout == 60
    assert list(declaration_errors()) == []
