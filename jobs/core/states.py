"""The statuses of a job and the transitions between them.

::

             submit, due now              claim: attempt + 1
  (request) ---------------> queued ---------------------------> running --> succeeded
      |                        ^  ^                               | | +----> failed
      | submit, due later      |  | released, or consumer lost    | +------> cancelled
      +--------> scheduled ----+  +-------------------------------+
                  ^  |    due                                     |
                  +--|--------------------------------------------+  failed, failures left
                     |
  queued, scheduled -+--cancel--> cancelled      failed, cancelled --retry--> queued

The table ``TRANSITIONS`` is the same diagram as data; a test checks that the two agree.
"""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices


class Status(TextChoices):
    """The status of a job. The values are those of the API, the labels those of the pages."""

    SCHEDULED = "scheduled", "later"
    QUEUED = "queued", "waiting"
    RUNNING = "running", "running"
    SUCCEEDED = "succeeded", "done"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


FINAL: Final = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
UNFINISHED: Final = frozenset(Status) - FINAL
WAITING: Final = frozenset({Status.SCHEDULED, Status.QUEUED})

TRANSITIONS: Final[dict[Status, frozenset[Status]]] = {
    Status.SCHEDULED: frozenset({Status.QUEUED, Status.CANCELLED}),
    Status.QUEUED: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.RUNNING: frozenset(
        {
            Status.SUCCEEDED,
            Status.FAILED,
            Status.CANCELLED,
            Status.QUEUED,
            Status.SCHEDULED,
        }
    ),
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset({Status.QUEUED}),
    Status.CANCELLED: frozenset({Status.QUEUED}),
}


class AttemptOutcome(TextChoices):
    """How an attempt ended."""

    SUCCEEDED = "succeeded", "done"
    FAILED = "failed", "failed"
    TIMED_OUT = "timed out", "timed out"
    CANCELLED = "cancelled", "cancelled"
    RELEASED = "released", "handed back"
    LOST = "lost", "worker lost"
    DIED = "died", "worker process died"


COUNTED_FAILURES: Final = frozenset(
    {AttemptOutcome.FAILED, AttemptOutcome.TIMED_OUT, AttemptOutcome.DIED}
)
"""The outcomes that count against ``max_attempts``; released and lost attempts do not count."""
