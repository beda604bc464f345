"""What this process starts ends with it on Windows, also when it is killed while it starts it.

Imports no part of a consumer, because the site's process uses it too.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from jobs.core.command.job_object import BREAKAWAY_OK, KILL_ON_JOB_CLOSE, JobObject

logger = logging.getLogger("jobs")


@contextmanager
def children_end_with_us() -> Iterator[None]:
    """Within it, on Windows, whoever kills this process kills what it has started.

    After it, what is still there goes on: a task may have started a program that is to stay. A
    program can also leave by CREATE_BREAKAWAY_FROM_JOB, as it could before.
    """
    job = _put_us_into_a_job() if os.name == "nt" else None
    try:
        yield
    finally:
        if job is not None:
            with suppress(OSError):
                job.end_none()


def _put_us_into_a_job() -> JobObject | None:
    try:
        job = JobObject(KILL_ON_JOB_CLOSE | BREAKAWAY_OK)
        job.add_this_process()
    except OSError as error:  # a sandbox may forbid it
        logger.warning("What this process is starting will outlive a kill: %s", error)
        return None
    return job
