"""The attempts of a job."""

from __future__ import annotations

from django.db import models

from jobs.core.states import AttemptOutcome

from .job import Job


class Attempt(models.Model):
    """One run of a job, inserted when it has ended, together with the job's new status.

    ``consumer`` is a label of the process (host and process id), kept when its row is gone.
    """

    job = models.ForeignKey(Job, models.CASCADE, related_name="attempts", db_index=False)
    number = models.PositiveIntegerField()
    consumer = models.CharField(max_length=200, default="", blank=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=AttemptOutcome.choices)
    error_type = models.CharField(max_length=200, default="", blank=True)
    message = models.TextField(default="", blank=True)
    traceback = models.TextField(default="", blank=True)

    class Meta:
        ordering = ("job", "number")
        constraints = (
            models.UniqueConstraint(fields=["job", "number"], name="jobs_attempt_number"),
        )

    def __str__(self) -> str:
        return f"attempt {self.number} {self.outcome}"
