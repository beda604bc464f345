"""What a task writes, recorded: ``captured()`` without a consumer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import copy_context
from typing import Any

from jobs.consumer.capture import captured, current_attempt
from jobs.consumer.replaced import replaced


class Capture:
    """``captured()`` around streams of the test's own.

    It begins in the test itself: pytest replaces the streams once more after the fixtures.
    """

    def __init__(self, **streams: Any) -> None:
        self._streams = streams
        self._stack = ExitStack()
        self._begun = False

    def begin(self) -> None:
        """Replace the streams and capture, if that is not done yet."""
        if not self._begun:
            self._begun = True
            for name, stream in self._streams.items():
                self._stack.enter_context(replaced(sys, name, stream))
            self._stack.enter_context(captured())

    def end(self) -> None:
        """Put everything back."""
        self._stack.close()


class RecordedOutput:
    """An attempt that keeps what it is given."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.settled = False
        self.parts: list[str] = []

    def print(self, text: str) -> None:
        self.parts.append(text)

    def log(self, text: str) -> None:
        self.parts.append(text + "\n")

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def run(self, task: Callable[[], Any]) -> Any:
        """Call a function as a consumer's thread calls a task."""
        self.capture.begin()

        def call() -> Any:
            current_attempt.set(self)
            return task()

        return copy_context().run(call)
