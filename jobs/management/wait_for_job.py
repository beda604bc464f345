"""Waiting for a job to finish, and its result as a command prints it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Final

from jobs.core.states import FINAL
from jobs.core.storage import RESULT_FILE, open_file
from jobs.models import Artifact, Job

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
    """Return the result of a job as JSON, also if it was too large for its row."""
    result = job.result
    file = Artifact.objects.filter(job=job, name=RESULT_FILE).first() if result is None else None
    if file is not None:
        with open_file(file.file) as source:
            result = json.load(source)
    return json.dumps(result, ensure_ascii=ascii_only)
