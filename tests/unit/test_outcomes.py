"""What of a result and of a failure is kept, and how much of it."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.consumer import attempt as module
from jobs.consumer.attempt import Attempt
from jobs.consumer.outcomes import outcome_of_error, outcome_of_value
from jobs.core.states import AttemptOutcome
from jobs.core.storage import RESULT_FILE
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
