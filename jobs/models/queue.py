"""Queues, the consumers that serve them, and the messages nobody could read."""

from __future__ import annotations

from django.db import models


class Queue(models.Model):
    """What an operator said of a queue. A queue without a row is simply open."""

    name = models.CharField(max_length=100, primary_key=True)
    paused = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name
