"""Broker messages that could not be read."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class QuarantinedMessage(models.Model):
    """A message that is not valid, kept so that people can find out who sent it.

    ``broker`` is the scheme of its URL, ``body`` the beginning of the message.
    """

    queue = models.CharField(max_length=100)
    broker = models.CharField(max_length=20)
    reason = models.CharField(max_length=300)
    body = models.TextField(default="", blank=True)
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.reason
