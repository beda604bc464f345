"""``retry_on`` and ``give_up_on``: which exceptions are worth another attempt."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import job
from jobs.catalog.checks import declaration_errors
from jobs.catalog.retry_policy import RetryPolicy

FINAL, AGAIN = True, False


@pytest.mark.parametrize(
    ("retry_on", "give_up_on", "error", "final"),
    [
        (None, None, KeyError(), AGAIN),
        (None, (LookupError,), KeyError(), FINAL),
        (None, (LookupError,), OSError(), AGAIN),
        ((OSError,), None, ConnectionResetError(), AGAIN),
        ((OSError,), None, KeyError(), FINAL),
        ((), None, KeyError(), FINAL),
        (None, (), KeyError(), AGAIN),
        ((OSError,), (FileNotFoundError,), FileNotFoundError(), FINAL),
        ((OSError,), (FileNotFoundError,), PermissionError(), AGAIN),
        ((FileNotFoundError,), (OSError,), FileNotFoundError(), AGAIN),
        ((FileNotFoundError,), (OSError,), PermissionError(), FINAL),
        ((OSError,), (KeyError,), ValueError(), FINAL),
        ((Exception,), None, SystemExit(), FINAL),
        ((OSError,), None, ExceptionGroup("", [OSError(), TimeoutError()]), AGAIN),
        ((OSError,), None, ExceptionGroup("", [OSError(), KeyError()]), FINAL),
        (None, (KeyError,), ExceptionGroup("", [ExceptionGroup("", [KeyError()])]), FINAL),
        ((ExceptionGroup,), None, ExceptionGroup("", [KeyError()]), AGAIN),
    ],
)
def test_the_nearest_class_decides(
    retry_on: Any, give_up_on: Any, error: BaseException, final: bool
) -> None:
    assert bool(RetryPolicy(retry_on, give_up_on).why_final(error)) is final


def test_it_says_why() -> None:
    assert RetryPolicy((OSError,)).why_final(KeyError()) == "KeyError is not in retry_on"
    why = RetryPolicy(None, (LookupError,)).why_final(KeyError())
    assert why == "LookupError is in give_up_on"


@pytest.mark.usefixtures("declared")
def test_one_class_or_several_may_be_given() -> None:
    @job(retry_on=OSError, give_up_on=[KeyError, ValueError])
    def work() -> None:
        """Work."""

    assert work.retry_on == (OSError,)
    assert work.give_up_on == (KeyError, ValueError)
    assert hash(work)
    assert list(declaration_errors()) == []


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    ("retry_on", "give_up_on", "words"),
    [
        ("OSError", None, "retry_on must be exception classes, not 'OSError'"),
        (None, (KeyError, int), "give_up_on must be exception classes, not <class 'int'>"),
        (OSError("x"), None, "retry_on must be exception classes, not OSError('x')"),
        (5, None, "retry_on must be exception classes, not 5"),
        (OSError, (OSError,), "retry_on and give_up_on both have OSError"),
        ([[]], None, "retry_on must be exception classes, not []"),
    ],
)
def test_a_wrong_one_is_said_by_the_check(retry_on: Any, give_up_on: Any, words: str) -> None:
    @job(retry_on=retry_on, give_up_on=give_up_on)
    def work() -> None:
        """Work."""

    (found,) = declaration_errors()
    assert found.code == "E005"
    assert words in found.message
