"""The exceptions and their messages."""

from __future__ import annotations

import inspect

import pytest

from jobs import errors
from jobs.errors import (
    Conflict,
    IdempotencyConflict,
    InvalidArguments,
    JobCancelled,
    JobsError,
    QueueFull,
    Refused,
    TooLarge,
    Unavailable,
    UnknownQueue,
    UnknownTask,
)

ALL = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if kind.__module__ == errors.__name__
]
KINDS = [kind for kind in ALL if issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", KINDS)
def test_each_exception_is_a_jobs_error_with_a_docstring(kind: type[Exception]) -> None:
    assert issubclass(kind, JobsError)
    assert kind.__doc__


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            UnknownTask("squar", ["a.square", "a.squint"]),
            "There is no task named 'squar'. Did you mean a.square or a.squint?",
        ),
        (UnknownTask("x"), "There is no task named 'x'."),
        (UnknownQueue("q", ["a", "b"]), "There is no queue named 'q'. Known: a, b."),
        (TooLarge("upload", 1_048_576), "The upload is over the limit of 1,048,576 bytes."),
        (
            QueueFull("q", 100_000, 5),
            "The queue 'q' already holds 100,000 waiting jobs. Try again in 5 s.",
        ),
        (
            InvalidArguments(
                [{"pointer": "/n", "detail": "Bad."}, {"pointer": "", "detail": "No."}]
            ),
            "The arguments do not fit: /n: Bad.; arguments: No.",
        ),
        (
            InvalidArguments([{"pointer": f"/{i}", "detail": "Bad."} for i in range(7)]),
            (
                "The arguments do not fit: /0: Bad.; /1: Bad.; /2: Bad.; /3: Bad.; /4: Bad."
                " (and 2 more)"
            ),
        ),
        (JobCancelled("ada"), "cancelled by ada"),
        (JobCancelled(), "cancelled"),
        (
            Unavailable("The disk is full."),
            "The disk is full. Nothing was recorded. Try again in 2 s.",
        ),
    ],
)
def test_messages(error: JobsError, said: str) -> None:
    assert str(error) == said


def test_the_data_that_callers_need() -> None:
    assert UnknownTask("x", ["y"]).nearest == ["y"]
    assert QueueFull("q", 1, 5).retry_after == 5
    assert Unavailable("x", 7).retry_after == 7
    assert InvalidArguments([{"pointer": "/a", "detail": "b"}]).errors[0]["pointer"] == "/a"
    assert not issubclass(IdempotencyConflict, Refused)
    assert issubclass(IdempotencyConflict, Conflict)
