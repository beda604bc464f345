"""The processes that run jobs (``manage.py runconsumers``)."""

from __future__ import annotations

from enum import Enum

from django.db import models
from django.utils import timezone

from jobs.core.uuid7 import uuid7


class ConsumerRequest(Enum):
    """What an operator asks of a consumer process, which reads it with its next heartbeat."""

    NONE = ""
    QUIET = "quiet"
    """Take nothing new, finish what runs, stay alive."""
    STOP = "stop"
    """Drain and end."""

    @classmethod
    def _missing_(cls, value: object) -> ConsumerRequest:
        return cls.NONE  # of a later version


class Consumer(models.Model):
    """A consumer process.

    ``heartbeat`` counts its heartbeats: others compare counts, never clocks. ``heartbeat_at`` is
    for people to read. A consumer with ``dead_at`` may not claim any more. ``requested`` is a
    ``ConsumerRequest``.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    queues = models.JSONField(default=list)
    concurrency = models.PositiveIntegerField(default=1)
    started_at = models.DateTimeField(default=timezone.now)
    heartbeat = models.PositiveBigIntegerField(default=0)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    dead_at = models.DateTimeField(null=True)
    requested = models.CharField(max_length=10, default="", db_default="", blank=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"
