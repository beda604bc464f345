"""The log of a job, in chunks."""

from __future__ import annotations

from django.db import models

from .job import Job


class LogChunk(models.Model):
    """A part of a job's log; ``start`` is its offset in characters."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="log_chunks", db_index=False)
    start = models.PositiveIntegerField()
    text = models.TextField()

    class Meta:
        ordering = ("job", "start")
        constraints = (models.UniqueConstraint(fields=["job", "start"], name="jobs_log_start"),)

    def __str__(self) -> str:
        return f"log from {self.start}"
