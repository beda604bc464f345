"""``manage.py prune``: apply retention now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from jobs import lifecycle
from jobs.conf import get_conf
from jobs.core.formatting import pluralize


class Command(BaseCommand):
    """Forget what is older than the retention, chunk by chunk until nothing is left."""

    help = "Delete finished jobs older than JOBS_RETENTION_DAYS, and files that nothing uses."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Say how much went."""
        now = timezone.now()
        gone = 0
        while some := lifecycle.prune_chunk(now):
            gone += some
        days = f"{get_conf().retention_days:g}"
        files = _sweep(now)
        what = pluralize(gone, "row") + (f" and {pluralize(files, 'stray file')}" if files else "")
        self.stdout.write(f"Deleted {what}. Finished jobs are kept {days} days.")


def _sweep(now: datetime) -> int:
    """Look through the whole storage once."""
    sweeper = lifecycle.FileCollector()
    files = 0
    while (found := sweeper.step(now)) is not None:
        files += found
    return files
