"""A job's context for tests that call a task's function: it records what the task reports."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path

from jobs import JobContext


@dataclass
class Recorder:
    """Records progress, log lines and files in place of a consumer."""

    updates: list[tuple[float, float | None, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    cancelled: str | None = None

    def progress(self, done: float, total: float | None, message: str) -> None:
        self.updates.append((done, total, message))

    def log(self, text: str) -> None:
        self.lines.append(text)

    def cancelled_by(self) -> str | None:
        return self.cancelled

    def artifact(self, name: str, data: bytes | str | Path) -> None:
        assert isinstance(data, str)
        self.files[name] = data


def context_for(recorder: Recorder) -> JobContext:
    """Return the context of a first attempt that reports to the recorder."""
    return JobContext(job_id=uuid.uuid4(), attempt=1, reporter=recorder)
