"""Queues, the consumers that serve them, and the messages nobody could read."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


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
