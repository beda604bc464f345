"""A job's context for tests that call a task's function: it records what the task reports."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs import JobContext
from jobs.catalog.attempt_resources import AttemptResources
from jobs.catalog.reporter import ArtifactData, SavedArtifact

JOB = uuid.UUID("01900000-0000-7000-8000-000000000000")


@dataclass
class Recorder:
    """Records progress, log lines and files in place of a consumer."""

    updates: list[tuple[float, float | None, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    cancelled: str | None = None
    deadline: float | None = None
    resources: AttemptResources = field(default_factory=lambda: AttemptResources(JOB, 1))
    stages: list[tuple[str, int | None, int | None]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    saved: dict[str, SavedArtifact] = field(default_factory=dict)

    def progress(self, done: float, total: float | None, message: str) -> None:
        self.updates.append((done, total, message))

    def stage(self, name: str, number: int | None, of: int | None) -> None:
        self.stages.append((name, number, of))

    def log(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def cancelled_by(self) -> str | None:
        return self.cancelled

    def artifact(self, name: str, data: ArtifactData) -> None:
        assert isinstance(data, str)
        self.files[name] = data

    def artifacts(self) -> Mapping[str, SavedArtifact]:
        return self.saved


def context_for(recorder: Recorder) -> JobContext:
    """Return the context of a first attempt that reports to the recorder."""
    return JobContext(job_id=uuid.uuid4(), attempt=1, reporter=recorder)
