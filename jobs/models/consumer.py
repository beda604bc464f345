"""Queues, the consumers that serve them, and the messages nobody could read."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from jobs.core.uuid7 import uuid7


class Consumer(models.Model):
    """A consumer process. ``heartbeat`` counts what it has committed; no clock is compared."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    queues = models.JSONField(default=list)
    concurrency = models.PositiveIntegerField(default=1)
    started_at = models.DateTimeField(default=timezone.now)
    heartbeat = models.PositiveBigIntegerField(default=0)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    dead_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"
