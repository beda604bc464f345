"""``manage.py prune``: apply retention now."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from jobs import lifecycle
from jobs.conf import get_conf
from jobs.consumer.prune_pace import PrunePace
from jobs.core.db import connection
from jobs.core.formatting import pluralize


class Command(BaseCommand):
    """Delete what is older than the retention, chunk by chunk until nothing is left."""

    help = "Delete finished jobs older than JOBS_RETENTION_DAYS, and files that nothing uses."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        deleted = _delete_rows(now)
        days = f"{get_conf().retention_days:g}"
        lifecycle.remove_stale_tempdirs()
        try:
            files = _delete_stray_files(now)
        except Exception as error:  # each storage raises exceptions of its own
            raise CommandError(
                f"Deleted {pluralize(deleted, 'row')}, but the storage of files cannot be searched "
                f"now ({type(error).__name__}: {error}). Files that nothing uses are deleted later."
            ) from error
        stray = f" and {pluralize(files, 'stray file')}" if files else ""
        rows = pluralize(deleted, "row")
        self.stdout.write(f"Deleted {rows}{stray}. Finished jobs are kept {days} days.")


def _delete_rows(now: datetime) -> int:
    """Delete chunk by chunk, without pauses."""
    one, pace, deleted = lifecycle.PruneRun(now), PrunePace(connection().vendor), 0
    while not one.is_done:
        began = time.monotonic()
        rows = one.step(pace.limit)
        pace.adapt(time.monotonic() - began, rows)
        deleted += rows
    return deleted


def _delete_stray_files(now: datetime) -> int:
    """Go through the whole storage once."""
    collector = lifecycle.FileCollector()
    files = 0
    while (found := collector.step(now)) is not None:
        files += found
    return files
