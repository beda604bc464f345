"""What a context needs of the process that runs its attempt."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol, TypeAlias, cast

from jobs.core.storage import job_storage

from .attempt_resources import AttemptResources

ArtifactData: TypeAlias = "bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO"


@dataclass(frozen=True, slots=True)
class SavedArtifact:
    """A file that is kept with the job.

    Attributes:
        name: its name.
        size: in bytes.
        attempt: the number of the attempt that saved it.
        file: its name in the storage.
    """

    name: str
    size: int
    attempt: int
    file: str

    def open(self) -> BinaryIO:
        """Open the file for reading bytes.

        Raises:
            OSError: the storage cannot give it.
        """
        return cast("BinaryIO", job_storage().open(self.file, "rb"))


class Reporter(Protocol):
    """Receives what a context reports, in the process that runs the attempt.

    Attributes:
        deadline: the value of ``time.monotonic`` at which the attempt's time is over; None where
            that is not known, or there is no limit.
        resources: what ends with the attempt.
    """

    @property
    def deadline(self) -> float | None: ...

    @property
    def resources(self) -> AttemptResources: ...

    def progress(self, done: float, total: float | None, message: str) -> None:
        """Replace the progress of the job."""

    def stage(self, name: str, number: int | None, of: int | None) -> None:
        """Begin a stage: the progress begins again."""

    def log(self, text: str) -> None:
        """Append to the log of the job."""

    def warn(self, text: str) -> None:
        """Add to the warnings of the job."""

    def cancelled_by(self) -> str | None:
        """Return the user who asked to cancel the job; None when nobody did."""

    def artifact(self, name: str, data: ArtifactData) -> None:
        """Store a file as an artifact of the job."""

    def artifacts(self) -> Mapping[str, SavedArtifact]:
        """Return the files of the job, of this attempt and of earlier ones, by name."""
