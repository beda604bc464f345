"""What a job leaves behind while it runs: its attempts and its log."""

from __future__ import annotations

from django.db import models

from ..states import Ending
from .job import Job


class Attempt(models.Model):
    """One run of a job that has ended, written together with its outcome."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="attempts", db_index=False)
    number = models.PositiveIntegerField()
    consumer = models.CharField(max_length=200, default="", blank=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Ending.choices)
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


class LogChunk(models.Model):
    """A piece of a job's log; ``start`` is its offset in characters."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="log_chunks", db_index=False)
    start = models.PositiveIntegerField()
    text = models.TextField()

    class Meta:
        ordering = ("job", "start")
        constraints = (models.UniqueConstraint(fields=["job", "start"], name="jobs_log_start"),)

    def __str__(self) -> str:
        return f"log from {self.start}"
