"""A job as the API shows it, as attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Generic, NamedTuple, Self, TypeVar, overload

T = TypeVar("T")
FINAL: Final = frozenset({"succeeded", "failed", "cancelled"})


class Artifact(NamedTuple):
    """A file that a job has made: its name, and its size in bytes."""

    name: str
    size: int


class JobError(NamedTuple):
    """Why a job failed: the exception's qualified name, and what it said."""

    type: str
    message: str


class _Member(Generic[T]):
    """A member of the job's JSON.

    Args:
        form: makes of the JSON what the attribute gives.
    """

    def __init__(self, form: Callable[[Any], T] = lambda value: value) -> None:
        self._form = form

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, job: None, owner: type) -> Self: ...
    @overload
    def __get__(self, job: JobFields, owner: type) -> T: ...
    def __get__(self, job: JobFields | None, owner: type) -> Self | T:
        if job is None:
            return self
        try:
            return self._form(job.data[self._name])
        except KeyError:
            raise AttributeError(
                f"Nothing is known yet of the {self._name} of this job: call its refresh() first."
            ) from None


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _error(value: Mapping[str, str] | None) -> JobError | None:
    return None if value is None else JobError(value["type"], value["message"])


def _artifacts(value: list[Mapping[str, Any]]) -> list[Artifact]:
    return [Artifact(one["name"], one["size"]) for one in value]


class JobFields:
    """What is known of a job: as it was when it was last read, which ``refresh`` repeats.

    Of one that was submitted with many others only ``id``, ``task`` and ``args`` are known before.
    """

    id = _Member[str]()
    task = _Member[str]()
    queue = _Member[str]()
    priority = _Member[int]()
    status = _Member[str]()
    args = _Member[dict[str, Any]]()
    request_id = _Member[str | None]()
    error = _Member[JobError | None](_error)
    progress = _Member[dict[str, Any] | None]()
    warnings = _Member[list[str]]()
    attempt = _Member[int]()
    failures = _Member[int]()
    max_attempts = _Member[int]()
    created_at = _Member[datetime | None](_moment)
    run_after = _Member[datetime | None](_moment)
    started_at = _Member[datetime | None](_moment)
    finished_at = _Member[datetime | None](_moment)
    cancel_requested = _Member[bool]()
    artifacts = _Member[list[Artifact]](_artifacts)

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        """The job's JSON, with members that have no attribute here."""

    @property
    def is_finished(self) -> bool:
        """Whether it has succeeded, failed or was cancelled."""
        return self.status in FINAL

    @property
    def cursor(self) -> str | None:
        """Of a job that ``follow`` or ``results`` gave: where to go on after it."""
        return self.data.get("cursor")

    def __repr__(self) -> str:
        status = self.data.get("status", "?")
        return f"<{type(self).__name__} {self.id} {self.task} {status}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JobFields) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)
