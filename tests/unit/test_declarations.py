"""``@job``: what it makes, what ``manage.py check`` says of it, and that importing never fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from django.core import checks
from pydantic import Field

from jobs import JobContext, JobTask, job
from jobs.catalog import all_tasks, find_task, get_task
from jobs.catalog.checks import declaration_errors
from jobs.conf import get_conf
from jobs.errors import UnknownTask

pytestmark = pytest.mark.usefixtures("declared")
Problems = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def problems() -> Problems:
    return lambda: [(found.code, found.message) for found in declaration_errors()]


def test_a_plain_function_needs_no_options(problems: Problems) -> None:
    @job
    def count_words(text: str, min_length: int = 1) -> dict[str, int]:
        """Count how often
        each word occurs.

        More of it.
        """
        return {text: min_length}

    assert isinstance(count_words, JobTask)
    assert count_words.name == "tests.count_words"
    assert count_words.title == "Count words"
    assert count_words.description == "Count how often each word occurs."
    assert (count_words.queue_name, count_words.priority) == ("default", 0)
    assert (count_words.max_attempts, count_words.executor) == (3, "thread")
    assert count_words.timeout == get_conf().default_timeout
    assert count_words.permission is None
    assert count_words.func("a", 2) == {"a": 2}
    assert count_words.call("a") == {"a": 1}
    assert problems() == []
    assert get_task("tests.count_words") == count_words
    assert hash(count_words)


def test_each_option_is_kept() -> None:
    @job(
        title="Write",
        queue="mail",
        name="letters.write",
        priority=-5,
        max_attempts=1,
        timeout=None,
        executor="process",
        permission="auth.add_user",
    )
    def letter(context: JobContext, n: int) -> int:
        return n

    assert (letter.title, letter.queue_name, letter.name) == ("Write", "mail", "letters.write")
    assert (letter.priority, letter.max_attempts, letter.timeout) == (-5, 1, None)
    assert (letter.executor, letter.permission) == ("process", "auth.add_user")
    assert letter.takes_context
    assert find_task("letters.write") == letter
    assert find_task("tests.letter") is None


def test_options_that_vary_by_call_leave_the_task_as_it_was() -> None:
    @job(timeout=9)
    def one(n: int) -> int:
        return n

    other = one.options(max_attempts=7, unique_key="k", timeout=None)
    assert (other.max_attempts, other.unique_key, other.timeout) == (7, "k", None)
    assert (one.max_attempts, one.unique_key, one.timeout) == (3, "", 9)
    assert one.options().timeout == 9
    assert one.using(priority=4).priority == 4


def test_an_async_function_is_a_task_like_others(problems: Problems) -> None:
    @job
    async def later(n: int) -> int:
        return n

    assert problems() == []
    assert later.spec.validate({"n": 1}).stored == {"n": 1}


def _loose(**options: Any) -> Any:
    """``@job`` as who has no type checker may call it."""
    declare: Any = job
    return declare(**options)


def _no_annotation() -> None:
    @job
    def bare(n) -> None: ...  # type: ignore[no-untyped-def]


def _default_is_no_json() -> None:
    @job
    def odd(n: Any = object) -> None: ...


def _default_out_of_bounds() -> None:
    @job
    def beyond(n: Annotated[int, Field(le=3)] = 4) -> None: ...


def _two_of_one_name() -> None:
    @job(name="same.name")
    def first(n: int) -> None: ...

    @job(name="same.name")
    def second(n: int) -> None: ...


def _unknown_option() -> None:
    def coloured(n: int) -> None: ...

    _loose(colour="red")(coloured)


def _unlisted_queue() -> None:
    @job(queue="nowhere")
    def lost(n: int) -> None: ...


def _bad_values() -> None:
    def wrong(n: int) -> None: ...

    _loose(
        priority=101,
        max_attempts=0,
        timeout=0,
        executor="ray",
        permission="chief",
        title=7,
        name="a b",
    )(wrong)


def _odd_types() -> None:
    def odd(n: int) -> None: ...

    _loose(
        priority="high",
        max_attempts="many",
        timeout="soon",
        permission=3,
        name=3,
    )(odd)


def _unknown_backend() -> None:
    @job(backend="other")
    def elsewhere(n: int) -> None: ...


def _lambda() -> None:
    job(lambda: 3)


@pytest.mark.parametrize(
    ("declare", "expected"),
    [
        (_no_annotation, [("E001", "the parameter 'n' has no type annotation")]),
        (_default_is_no_json, [("E001", "the default of 'n' is no JSON")]),
        (_default_out_of_bounds, [("E001", "the default of 'n' does not fit its type")]),
        (_two_of_one_name, [("E003", "Two tasks are named 'same.name'")]),
        (_unknown_option, [("E002", "has no option 'colour'")]),
        (_unlisted_queue, [("E004", "uses the queue 'nowhere', which nothing lists")]),
        (
            _bad_values,
            [
                ("E005", "title must be text"),
                ("E005", "name must be"),
                ("E005", "priority must be a whole number from -100 to 100, not 101"),
                ("E005", "max_attempts must be a whole number from 1 to 1000, not 0"),
                (
                    "E005",
                    "timeout must be seconds above zero, 30 days (2,592,000) at most",
                ),
                ("E005", "executor must be 'thread' or 'process', not 'ray'"),
                ("E005", "permission must be 'app.codename' or 'staff', not 'chief'"),
            ],
        ),
        (
            _odd_types,
            [
                ("E005", "name must be"),
                ("E005", "priority must be"),
                ("E005", "max_attempts must be"),
                ("E005", "timeout must be"),
                ("E005", "permission must be"),
            ],
        ),
        (_unknown_backend, [("E006", "uses the backend 'other', which TASKS does not have")]),
        (_lambda, [("E001", "it is a lambda"), ("E005", "name must be")]),
    ],
)
def test_what_cannot_be_right_is_said_and_never_raised(
    declare: Callable[[], None], expected: list[tuple[str, str]], problems: Problems
) -> None:
    declare()
    found = problems()
    assert [code for code, _ in found] == [code for code, _ in expected]
    for (_, said), (_, wanted) in zip(found, expected, strict=True):
        assert wanted in said


def test_check_tells_the_task_and_what_to_do() -> None:
    _unlisted_queue()
    messages = [found for found in checks.run_checks(tags=["jobs"]) if found.id == "jobs.E004"]
    assert len(messages) == 1
    assert messages[0].level == checks.ERROR
    assert "TASKS['default']['QUEUES']" in (messages[0].hint or "")
    assert str(messages[0].obj).startswith(f"{__file__}:")
    assert "lost" in messages[0].msg


def test_a_task_that_cannot_be_right_cannot_be_found() -> None:
    _no_annotation()
    _two_of_one_name()
    assert list(all_tasks()) == ["same.name"]
    assert get_task("same.name").func.__name__ == "first"
    with pytest.raises(UnknownTask):
        get_task("tests.bare")
