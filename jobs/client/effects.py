"""What a call of the client does to the world, as plain data.

A call is written once, as a generator, a *flow*: it yields effects and is sent what came of each.
``driver`` performs the effects, and ``async_driver`` does so with ``await``; so there is one
submission, one wait and one upload, and a test can drive a flow without a network or a clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the site.

    Attributes:
        method: in capital letters.
        path: below ``/api/v1/``.
        query: names and values, without those that are None.
        headers: beside those that every request has.
        content: the body.
        wait: seconds that the site may take longer than usual, because it was asked to wait.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: its status, its headers with names in lower case, its body."""

    status: int
    headers: Mapping[str, str]
    content: bytes = b""

    def json(self) -> Any:
        """Return the body as data.

        Raises:
            ValueError: it is no JSON.
        """
        return json.loads(self.content)


class ConnectionLost(Exception):
    """No answer, or only a part of one, came. What the request did is not known.

    Args:
        why: in words.
        may_help: whether to try again is of any use.
    """

    def __init__(self, why: str, may_help: bool = True) -> None:
        super().__init__(why)
        self.may_help = may_help


Sink = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request, and receive the answer whole."""

    request: Request


@dataclass(frozen=True, slots=True)
class Download:
    """Send a request, and pass the body on as it comes.

    Attributes:
        request: the request.
        begin: called with the head of a successful answer; returns what takes the body's pieces.
    """

    request: Request
    begin: Callable[[Answer], Sink]


@dataclass(frozen=True, slots=True)
class Call:
    """Call a function that reads or writes a file: a thread does it where an event loop runs."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Now:
    """Read a clock that only goes forward, in seconds."""


@dataclass(frozen=True, slots=True)
class Take:
    """Take the next of what the caller gives, ``END`` behind the last."""


@dataclass(frozen=True, slots=True)
class Emit:
    """Give the caller a value."""

    value: Any


END: Final = object()
Effect = Send | Download | Call | Pause | Now | Take | Emit
Flow = Generator[Effect, Any, T]


def send(request: Request) -> Flow[Answer]:
    """Send a request once.

    Raises:
        ConnectionLost: no whole answer came.
    """
    return cast("Answer", (yield Send(request)))


def call(function: Callable[[], T]) -> Flow[T]:
    """Call a function that reads or writes a file."""
    return cast("T", (yield Call(function)))


def pause(seconds: float) -> Flow[None]:
    """Do nothing for so many seconds."""
    yield Pause(seconds)


def now() -> Flow[float]:
    """Return the time of a clock that only goes forward, in seconds."""
    time: float = yield Now()
    return time
