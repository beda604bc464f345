"""Waiting for a job to finish, and its result as a command prints it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Final

from jobs.core.states import FINAL
from jobs.models import Job
from jobs.submission.result_value import loaded_result

MIN_PAUSE: Final = 0.02
MAX_PAUSE: Final = 0.5

Sleep = Callable[[float], None]


def wait_for(job_id: uuid.UUID, seconds: float, sleep: Sleep = time.sleep) -> Job | None:
    """Return the job once it has finished, None if it has not within so many seconds.

    Raises:
        Job.DoesNotExist: it was deleted meanwhile.
    """
    deadline = time.monotonic() + seconds
    pause = MIN_PAUSE
    while True:
        status = Job.objects.values_list("status", flat=True).get(pk=job_id)
        if status in FINAL:
            return Job.objects.get(pk=job_id)
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        sleep(min(pause, left))
        pause = min(2 * pause, MAX_PAUSE)


def result_json(job: Job, *, ascii_only: bool = False) -> str:
    """Return the result of a job as JSON, also if it was too large for its row.

    Raises:
        ResultFileMissing: it was too large, and its file was deleted.
    """
    return json.dumps(loaded_result(job), ensure_ascii=ascii_only)
