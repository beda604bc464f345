"""What a consumer process and its child processes send each other: one JSON object a line.

Nothing is pickled. An object has one member or more, each a kind of message with what it says.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from typing import IO, Any, Final

DATABASE_NAMES: Final = "JOBS_DATABASE_NAMES"
"""The environment variable that tells a child the names of its parent's databases, as JSON."""

# To the child.
RUN: Final = "run"
"""Run this: the claim, the files that its arguments name, the consumer's label."""
CANCEL: Final = "cancel"
"""Someone wants the job cancelled: their name."""

# To the parent.
READY: Final = "ready"
"""The child has loaded the project: its process id."""
BEGUN: Final = "begun"
"""The task is called now."""
PROGRESS: Final = "progress"
"""How far the task is: what is done, the total, a message."""
STAGE: Final = "stage"
"""A stage begins: its name, its number, of how many."""
WARN: Final = "warn"
"""A warning."""
LOG: Final = "log"
"""A line for the job's log."""
PRINT: Final = "print"
"""What the task printed: a line may come in pieces."""
ARTIFACT: Final = "artifact"
"""A file that the child has stored: name, size, content type, its path in the storage."""
SPENT: Final = "spent"
"""The child is to be replaced after this job: its tasks leave more and more behind in it."""
OUTCOME: Final = "outcome"
"""How the attempt ended; nothing else follows until the next ``RUN``."""

Message = dict[str, Any]


class MessageWriter:
    """Writes messages as whole lines, from any thread."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        # Reentrant: a finalizer that prints may run between write and flush.
        self._lock = threading.RLock()

    def send(self, kind: str, value: Any) -> None:
        """Send one message.

        Raises:
            OSError, ValueError: the other end is gone, or the pipe is closed.
        """
        line = json.dumps({kind: value}, ensure_ascii=True).encode("ascii") + b"\n"
        with self._lock:
            left = memoryview(line)
            while left:  # a file without a buffer may take less than all
                left = left[self._out.write(left) :]
            self._out.flush()


def read_messages(descriptor: int) -> Iterator[Message]:
    """Read messages until the other end is closed.

    Not by a file object: the thread that waits in it holds its lock, so that a process that a task
    forks would wait for that lock for ever as soon as it closes or collects the file.
    """
    parts: list[bytes] = []
    while data := os.read(descriptor, 65536):
        *lines, rest = data.split(b"\n")
        for line in lines:
            yield json.loads(b"".join([*parts, line]))
            parts.clear()
        parts.append(rest)
