"""Queues, the consumers that serve them, and the messages nobody could read."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from ..ids import uuid7


class Queue(models.Model):
    """What an operator said of a queue. A queue without a row is simply open."""

    name = models.CharField(max_length=100, primary_key=True)
    paused = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name


class Consumer(models.Model):
    """A consumer process. ``beat`` counts what it has committed; no clock is compared."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    queues = models.JSONField(default=list)
    concurrency = models.PositiveIntegerField(default=1)
    started_at = models.DateTimeField(default=timezone.now)
    beat = models.PositiveBigIntegerField(default=0)
    beat_at = models.DateTimeField(default=timezone.now)
    dead_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


class QuarantinedMessage(models.Model):
    """A message that is none of ours, kept so that someone can see what sent it."""

    queue = models.CharField(max_length=100)
    broker = models.CharField(max_length=20)
    reason = models.CharField(max_length=300)
    body = models.TextField(default="", blank=True)
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.reason
