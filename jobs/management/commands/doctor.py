"""``manage.py doctor``: what is wrong."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from jobs.core.formatting import pluralize
from jobs.management.doctor import examinations, stuck
from jobs.management.doctor.examinations import Examination, Grade, findings

EXAMINATIONS: list[Examination] = [
    examinations.settings_and_declarations,
    examinations.data_folder,
    examinations.database,
    examinations.broker,
    stuck.consumers,
    stuck.queues,
    stuck.overdue,
    stuck.held,
    stuck.quarantine,
]


class Command(BaseCommand):
    """Look at everything that jobs need; exit 1 when something keeps them from running."""

    help = "Say what is wrong: settings, database, broker, consumers, queues, stuck jobs."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for each finding."""
        styles = {
            Grade.OK: self.style.SUCCESS,
            Grade.NOTE: self.style.WARNING,
            Grade.PROBLEM: self.style.ERROR,
        }
        problems = 0
        for found in findings(timezone.now(), EXAMINATIONS):
            problems += found.grade is Grade.PROBLEM
            self.stdout.write(f"{styles[found.grade](f'{found.grade.value:8}')} {found.told}")
        if problems:
            raise CommandError(f"{pluralize(problems, 'problem')} found.", returncode=1)
