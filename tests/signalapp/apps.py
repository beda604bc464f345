"""Connects the receivers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings

FILE = "signals.jsonl"


class SignalApp(AppConfig):
    """Receives each signal and appends what it saw to a file in the data folder."""

    name = "tests.signalapp"

    def ready(self) -> None:
        """Connect them."""
        from jobs.compat import task_finished, task_started

        task_started.connect(_started)
        task_finished.connect(_finished)


def _started(sender: type, task_result: Any, **kwargs: Any) -> None:
    _write("started", sender, task_result)


def _finished(sender: type, task_result: Any, **kwargs: Any) -> None:
    _write("finished", sender, task_result)


def _write(signal: str, sender: type, result: Any) -> None:
    from jobs.models import Job

    active = sys.exc_info()[0]
    seen = {
        "signal": signal,
        "sender": sender.__qualname__,
        "id": result.id,
        "status": str(result.status),
        "enqueued_at": str(result.enqueued_at),
        "finished_at": str(result.finished_at),
        "errors": [error.exception_class.__name__ for error in result.errors],
        "traceback": result.errors[-1].traceback if result.errors else "",
        "attempts": result.attempts,
        "task": [result.task.priority, result.task.queue_name],
        "row": Job.objects.values_list("status", flat=True).get(pk=result.id),
        "active": None if active is None else active.__name__,
    }
    with (Path(str(settings.JOBS["DATA_DIR"])) / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(seen) + "\n")
