"""Remove temporary folders of attempts that no longer run: those of a consumer that was killed."""

from __future__ import annotations

import time

from jobs.core import tempdirs
from jobs.core.states import Status
from jobs.models import Job


def remove_stale_tempdirs() -> int:
    """Remove the folders on this machine whose attempt does not run; return how many.

    Without such folders nothing is asked of the database.
    """
    tempdirs.remove_old_copies(time.time())
    found = list(tempdirs.existing())
    if not found:
        return 0
    rows = Job.objects.filter(pk__in={one.job for one in found}, status=Status.RUNNING)
    running = set(rows.values_list("pk", "attempt"))
    stale = [one for one in found if (one.job, one.attempt) not in running]
    for one in stale:
        one.remove()
    return len(stale)
