"""Queues that an operator has paused or resumed."""

from __future__ import annotations

from django.db import models


class Queue(models.Model):
    """A queue that was paused or resumed. A queue without a row is not paused."""

    name = models.CharField(max_length=100, primary_key=True)
    paused = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name
