"""What somebody did to another one's job: in the log, and in the admin's history of the job."""

from __future__ import annotations

import logging
import uuid
from typing import Any, Final

from django.apps import apps

from jobs.core.database_faults import one_line
from jobs.core.db import DATABASE_ERRORS
from jobs.core.rights import CHANGE_JOBS, note_use
from jobs.models import Job

_CHANGE: Final = 2
"""``django.contrib.admin.models.CHANGE``: that module cannot be imported without the admin."""

logger = logging.getLogger("jobs.audit")


def record_change(
    user: Any, job_id: uuid.UUID, owner_id: Any, did: str, entry: str, *, in_admin: bool = False
) -> None:
    """Record that a user has changed a job, if it is somebody else's.

    Args:
        user: who.
        job_id: the job.
        owner_id: the key of its owner.
        did: what they did, in a word, for the log.
        entry: the same for the admin's history of the job.
        in_admin: the admin writes its history by itself.
    """
    if owner_id is not None and owner_id == user.pk:
        return
    note_use(user, CHANGE_JOBS, did, f"job={job_id}", owner_id)
    if in_admin or not apps.is_installed("django.contrib.admin"):
        return
    entries: Any = apps.get_model("admin", "LogEntry").objects
    types: Any = apps.get_model("contenttypes", "ContentType").objects
    try:
        entries.create(
            user_id=user.pk,
            content_type=types.get_for_model(Job),
            object_id=str(job_id),
            object_repr=f"job {job_id}",
            action_flag=_CHANGE,
            change_message=entry,
        )
    except DATABASE_ERRORS as error:
        # The job is changed, and the line above says by whom.
        logger.warning("Not in the history of job %s: %s", job_id, one_line(error))
