"""What a child process sends to its parent: one JSON object a line."""

from __future__ import annotations

import json
import threading
import time
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

PROGRESS_SECONDS = 0.2


class Wire:
    """The line to the parent. Lines are whole: several threads may write."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()

    def send(self, **message: Any) -> None:
        """Send one message."""
        line = json.dumps(message, ensure_ascii=True)
        with self._lock:
            self._out.write(line + "\n")
            self._out.flush()


class ChildReporter:
    """A context's reporter that passes everything on; progress not more often than it is read."""

    def __init__(self, wire: Wire, job_id: uuid.UUID, attempt: int) -> None:
        self._wire = wire
        self._job_id = job_id
        self._attempt = attempt
        self._progress: tuple[float, float | None, str] | None = None
        self._next = 0.0
        self.cancel_by: str | None = None

    def progress(self, done: float, total: float | None, message: str) -> None:
        """Note how far it is; send it when the last was sent long enough ago."""
        self._progress = (float(done), None if total is None else float(total), message)
        if time.monotonic() >= self._next:
            self.flush()

    def flush(self) -> None:
        """Send the last progress."""
        progress, self._progress = self._progress, None
        self._next = time.monotonic() + PROGRESS_SECONDS
        if progress is not None:
            self._wire.send(progress=progress)

    def log(self, text: str) -> None:
        """Send a line of the log."""
        self._wire.send(log=str(text))

    def print(self, text: str) -> None:
        """Send what the task printed."""
        self._wire.send(print=text)

    def cancelled_by(self) -> str | None:
        """Who asked for the job to be cancelled."""
        return self.cancel_by

    def artifact(self, name: str, data: bytes | str | Path) -> None:
        """Store a file and tell of it."""
        from .attempt import store_artifact

        note = asdict(store_artifact(self._job_id, self._attempt, name, data))
        del note["id"], note["attempt"]
        self._wire.send(artifact=note)
