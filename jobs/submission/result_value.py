"""The value that a job returned, wherever it is: in its row, or in a file if it was too large."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from jobs.core.states import Status
from jobs.core.storage import RESULT_FILE, open_file
from jobs.errors import ResultFileMissing
from jobs.models import Artifact, Job


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A result in the storage, read when it is asked for: it may have hundreds of megabytes.

    Attributes:
        job_id: whose result it is.
        file: its name in the storage.
    """

    job_id: str
    file: str

    def load(self) -> Any:
        """Read the value.

        Raises:
            ResultFileMissing: the file was deleted.
        """
        try:
            with open_file(self.file) as source:
                return json.load(source)
        except FileNotFoundError as error:
            raise ResultFileMissing(self.job_id) from error


def result_value(job: Job) -> Any:
    """Return the result of a job, or the ``ResultFile`` that holds it.

    This costs a query for a job that succeeded and has no result in its row: such a job returned
    None, or more than a row takes.
    """
    if job.result is not None or job.status != Status.SUCCEEDED:
        return job.result
    # Not the file of an earlier attempt, whose process died before its outcome was written.
    found = Artifact.objects.filter(job=job, attempt=job.attempt, name=RESULT_FILE)
    name = found.values_list("file", flat=True).first()
    return None if name is None else ResultFile(str(job.pk), name)


def loaded_result(job: Job) -> Any:
    """Return the result of a job, read from its file if it is in one.

    Raises:
        ResultFileMissing: the file was deleted.
    """
    value = result_value(job)
    return value.load() if isinstance(value, ResultFile) else value
