"""An e-mail when a job ends: recorded with the job, by those who ask for one."""

from __future__ import annotations

import uuid
from typing import Final, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.core.db import Adapter, run
from jobs.models import Job

# What a job's ending will have is greater than every position that can be seen before the job is.
# Parameters: the job, language, site.
_ASK: Final = """
INSERT INTO jobs_emailrequest (job_id, language, site, since_position)
VALUES (%s, %s, %s, COALESCE((
    SELECT feed_position FROM jobs_job WHERE feed_position IS NOT NULL
    ORDER BY feed_position DESC LIMIT 1
), 0))
"""
# Parameter: an id of no job.
_FOLLOW: Final = """
INSERT INTO jobs_followedendings (id, position, job_id) VALUES (1, 0, %s) ON CONFLICT DO NOTHING
"""


class EmailOption(NamedTuple):
    """What the e-mail needs to know of the submission.

    Attributes:
        language: the code of the language that its owner reads.
        site: the address below which everything is mounted, as its owner reached it.
    """

    language: str
    site: str


def note_email_request(job: Job, email: EmailOption, db: BaseDatabaseWrapper) -> None:
    """Record that a job's owner wants an e-mail; in the transaction that inserts the job."""
    adapt = Adapter(db)
    run(db, _ASK, [adapt.uuid(job.id), email.language, email.site])
    run(db, _FOLLOW, [adapt.uuid(uuid.UUID(int=0))])
