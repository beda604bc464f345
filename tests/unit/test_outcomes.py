"""What of a result and of a failure is kept, and how much of it."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.consumer import attempt as module
from jobs.consumer.attempt import Attempt
from jobs.consumer.outcomes import (
    outcome_before_start,
    outcome_of_error,
    outcome_of_value,
    timed_out,
)
from jobs.core.states import AttemptOutcome
from jobs.core.storage import RESULT_FILE
from jobs.errors import CannotStart, OutOfResources, TryAgain, UnknownTask
from jobs.lifecycle import Outcome
from tests.claims import make_claim
from tests.unit.recorder import Recorder


@pytest.mark.parametrize(
    ("value", "is_in_the_row"),
    [
        ("x" * 18, True),
        ("x" * 19, False),
        ("\N{EURO SIGN}" * 6, True),
        ("\N{EURO SIGN}" * 7, False),
    ],
)
def test_the_limit_of_a_result_is_one_of_bytes(
    settings: Any, value: str, is_in_the_row: bool
) -> None:
    settings.JOBS = {**settings.JOBS, "MAX_RESULT": 20}  # with the quotes around the text
    recorder: Any = Recorder()
    outcome = outcome_of_value(make_claim(), value, recorder)
    assert outcome.outcome == AttemptOutcome.SUCCEEDED
    assert outcome.result == (value if is_in_the_row else None)
    assert list(recorder.files) == ([] if is_in_the_row else [RESULT_FILE])


def test_of_a_long_traceback_the_end_is_kept_and_of_a_message_the_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("MAX_ERROR_TYPE", "MAX_MESSAGE", "MAX_TRACEBACK"):
        monkeypatch.setattr(module, name, 10)
    settled: list[Outcome] = []
    attempt = Attempt(make_claim(), lambda _, outcome: settled.append(outcome), "here:7")
    outcome = outcome_of_error(attempt.claim, ValueError("0123456789 and more"))
    outcome.error_type = "long.names.of.Errors"
    outcome.traceback = "Traceback (most recent call last)\n  ...\nValueError"
    assert attempt.settle(outcome)
    assert [(one.error_type, one.message, one.traceback) for one in settled] == [
        ("long.names", "0123456789", "ValueError")
    ]


def test_an_error_of_ours_has_a_short_name_and_no_traceback() -> None:
    """It is about the submission, and there is no frame of the task."""
    ours = outcome_of_error(make_claim(max_attempts=3), UnknownTask("tests.gone"))
    assert (ours.error_type, ours.traceback, ours.final) == ("UnknownTask", "", True)
    assert ours.exception is not None
    assert ours.exception.__traceback__ is None
    theirs = outcome_of_error(make_claim(max_attempts=3), LookupError("m"))
    assert (theirs.error_type, theirs.final) == ("LookupError", False)
    assert theirs.traceback.endswith("LookupError: m\n")


def test_what_json_cannot_hold_is_final() -> None:
    recorder: Any = Recorder()
    outcome = outcome_of_value(make_claim(max_attempts=3), object(), recorder)
    assert (outcome.error_type, outcome.final) == ("InvalidResult", True)


class Hostile(Exception):
    """Its text cannot be had."""

    def __str__(self) -> str:
        raise KeyError("no text")


def test_an_exception_without_a_text_has_its_frames() -> None:
    try:
        raise Hostile
    except Hostile as error:
        outcome = outcome_of_error(make_claim(), error)
    assert outcome.message == "<no message: its __str__ raised KeyError>"
    assert "raise Hostile" in outcome.traceback
    assert outcome.error_type == "tests.unit.test_outcomes.Hostile"


def test_what_cannot_be_begun_for_want_of_something_costs_nothing() -> None:
    for error in (
        MemoryError(),
        CannotStart("no process", "why"),
        OutOfResources("a file", "full"),
    ):
        outcome = outcome_before_start(make_claim(), error)
        assert (outcome.outcome, bool(outcome.shortage)) == (AttemptOutcome.RELEASED, True)
    failed = outcome_before_start(make_claim(), ValueError("m"))
    assert failed.outcome == AttemptOutcome.FAILED


@pytest.mark.parametrize(("timeout", "said"), [(1.5, "1.5"), (None, "0")])
def test_a_time_limit_is_named(timeout: float | None, said: str) -> None:
    outcome = timed_out(make_claim(timeout=timeout))
    assert (outcome.outcome, outcome.message) == (
        AttemptOutcome.TIMED_OUT,
        f"timed out after {said} s",
    )


# When it is tried again, if the task says so.


@pytest.mark.parametrize(("asked", "seconds"), [(90, 90), (0, 0), (-5, 0), (10**12, 366 * 86_400)])
def test_a_task_says_when_its_next_attempt_is_due(asked: float, seconds: float) -> None:
    outcome = outcome_of_error(make_claim(max_attempts=3), TryAgain("later", asked))
    assert outcome.is_failure
    assert outcome.retry_at is not None
    assert (outcome.retry_at - outcome.ended_at).total_seconds() == seconds
    again = Outcome.from_json(outcome.claim, outcome.to_json())  # from a child process
    assert again.retry_in == outcome.retry_in


def test_it_is_not_tried_again_when_its_attempts_are_used_up() -> None:
    outcome = outcome_of_error(make_claim(max_attempts=1), TryAgain("later", 90))
    assert (outcome.target, outcome.retry_at) == ("failed", None)


def test_an_error_that_is_expected_has_no_traceback_and_no_record() -> None:
    error = TryAgain("The receiver is away.", 5)
    assert (outcome_of_error(make_claim(), error).traceback != "") is True
    error.is_expected = True  # type: ignore[attr-defined]
    outcome = outcome_of_error(make_claim(), error)
    assert (outcome.traceback, outcome.is_logged) == ("", True)
