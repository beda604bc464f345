"""``manage.py prune``: apply retention now."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from jobs import lifecycle
from jobs.conf import get_conf
from jobs.consumer.prune_pace import PrunePace
from jobs.core.db import connection
from jobs.core.formatting import pluralize
from jobs.management.base import DONE, FAILED, FAULTS, JobsCommand, add_json_option, write_json


class Command(JobsCommand):
    """Delete what is older than the retention, chunk by chunk until nothing is left."""

    help = "Delete finished jobs older than JOBS_RETENTION_DAYS, and files that nothing uses."
    exit_codes = {
        DONE: "done",
        **FAULTS,
        FAILED: "the storage of files cannot be used",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        add_json_option(parser, "one document: rows, files, retention_days")

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete, and say how much."""
        now = timezone.now()
        deleted = delete_rows(now)
        lifecycle.remove_stale_tempdirs()
        try:
            files = _delete_stray_files(now)
        except Exception as error:  # each storage raises exceptions of its own
            raise CommandError(
                f"Deleted {pluralize(deleted, 'row')}, but the storage of files cannot be searched "
                f"now ({type(error).__name__}: {error}). "
                "Files that nothing uses are deleted later.",
                returncode=FAILED,
            ) from error
        days = get_conf().retention_days
        if options["as_json"]:
            write_json(self.stdout, {"rows": deleted, "files": files, "retention_days": days})
            return
        stray = f" and {pluralize(files, 'stray file')}" if files else ""
        rows = pluralize(deleted, "row")
        self.stdout.write(f"Deleted {rows}{stray}. Finished jobs are kept {days:g} days.")


def delete_rows(now: datetime) -> int:
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
