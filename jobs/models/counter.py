"""What has been counted of each task, for monitoring."""

from __future__ import annotations

from typing import Final

from django.db import models

from jobs.core.states import FINAL, AttemptOutcome, Status

BOUNDS: Final = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0)
"""The upper bounds of the histograms' buckets, in seconds: from a job that an idle consumer takes
at once to one that has waited since last night. The last bucket has no bound."""


def jobs_column(status: Status) -> str:
    """The column that counts the jobs that have ended with a status."""
    return f"jobs_{status.value}"


def attempts_column(outcome: AttemptOutcome) -> str:
    """The column that counts the attempts that have ended with an outcome."""
    return f"attempts_{outcome.name.lower()}"


ENDINGS: Final = tuple(status for status in Status if status in FINAL)
UNHAPPY: Final = tuple(one for one in AttemptOutcome if one != AttemptOutcome.SUCCEEDED)
"""A job succeeds with its one attempt that does: that is counted once."""
RETRIED: Final = "attempts_retried"
WAIT, RUN = "wait", "run"
HISTOGRAMS: Final = (WAIT, RUN)
"""Each has a column ``<name>_seconds`` with the sum, and one for each bucket, not cumulative."""
_BUCKETS: Final = range(len(BOUNDS) + 1)
COUNTS: Final = (
    *(jobs_column(status) for status in ENDINGS),
    *(attempts_column(outcome) for outcome in UNHAPPY),
    RETRIED,
    *(f"{name}_{number}" for name in HISTOGRAMS for number in _BUCKETS),
)
SUMS: Final = tuple(f"{name}_seconds" for name in HISTOGRAMS)
COLUMNS: Final = (*COUNTS, *SUMS)
"""All that is added up, in one order for every statement."""


class Counter(models.Model):
    """What one thread of one process has counted of a task in a queue: ``COLUMNS``.

    Nothing is decided by it. Each thread that writes has rows of its own (``shard``), so that none
    waits for another; ``lifecycle.fold_counters`` adds the rows of those that write no more to
    those of ``FOLDED``.
    """

    shard = models.UUIDField()
    task = models.CharField(max_length=200)
    queue = models.CharField(max_length=100)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["shard", "task", "queue"], name="jobs_counter_shard"),
        )

    def __str__(self) -> str:
        return f"{self.task} in {self.queue}"


for _name in COUNTS:
    Counter.add_to_class(_name, models.BigIntegerField(db_default=0))
for _name in SUMS:
    Counter.add_to_class(_name, models.FloatField(db_default=0.0))
