"""``manage.py doctor``: find out why jobs do not run."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from jobs.core.formatting import pluralize
from jobs.management.doctor import database_writes, environment, queues
from jobs.management.doctor.findings import Check, Grade, run_checks

CHECKS: list[Check] = [
    environment.settings_and_declarations,
    environment.data_folder,
    environment.database,
    database_writes.writes,
    database_writes.processes,
    environment.storage,
    environment.broker,
    environment.threads,
    queues.consumers,
    queues.queues,
    queues.overdue,
    queues.running,
    queues.quarantine,
]


class Command(BaseCommand):
    """Check everything that jobs need; exit 1 if something keeps them from running."""

    help = "Say what is wrong: settings, database, broker, consumers, queues, stuck jobs."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        styles = {
            Grade.OK: self.style.SUCCESS,
            Grade.NOTE: self.style.WARNING,
            Grade.PROBLEM: self.style.ERROR,
        }
        problems = 0
        for found in run_checks(timezone.now(), CHECKS):
            problems += found.grade is Grade.PROBLEM
            self.stdout.write(f"{styles[found.grade](f'{found.grade.value:8}')} {found.text}")
        if problems:
            raise CommandError(f"{pluralize(problems, 'problem')} found.", returncode=1)
