"""What a consumer process and its child processes send each other: one JSON object a line.

Nothing is pickled. An object has one member or more, each a kind of message with what it says.
"""

from __future__ import annotations

import json
import threading
from typing import IO, Any, Final

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
OUTCOME: Final = "outcome"
"""How the attempt ended; nothing else follows until the next ``RUN``."""

Message = dict[str, Any]


class MessageWriter:
    """Writes messages as whole lines, from any thread."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._lock = threading.Lock()

    def send(self, kind: str, value: Any) -> None:
        """Send one message.

        Raises:
            OSError, ValueError: the other end is gone, or the pipe is closed.
        """
        line = json.dumps({kind: value}, ensure_ascii=True).encode("ascii") + b"\n"
        with self._lock:
            self._out.write(line)
            self._out.flush()
