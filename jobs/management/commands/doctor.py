"""``manage.py doctor``: find out why jobs do not run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from jobs.core.formatting import pluralize
from jobs.management.base import BAD_INPUT, DONE, FAILED, JobsCommand, add_json_option, write_json
from jobs.management.doctor import database_writes, environment, feed, queues
from jobs.management.doctor.findings import Check, Finding, Grade, run_checks

CHECKS: list[Check] = [
    environment.settings_and_declarations,
    environment.data_folder,
    environment.private_files,
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
    feed.results_feed,
]


class Command(JobsCommand):
    """Check everything that jobs need; exit 1 if something keeps them from running."""

    help = "Say what is wrong: settings, database, broker, consumers, queues, stuck jobs."
    exit_codes = {DONE: "nothing is wrong", FAILED: "something is wrong", BAD_INPUT: "bad input"}

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        add_json_option(parser, "one document: ok, and the findings with code, level, text, hint")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the checks; print each finding when it is known, or all of them as JSON."""
        findings = run_checks(timezone.now(), CHECKS)
        found = self._write_json(list(findings)) if options["as_json"] else self._write(findings)
        if found:
            raise CommandError(f"{pluralize(found, 'problem')} found.", returncode=FAILED)

    def _write(self, findings: Any) -> int:
        styles = {
            Grade.OK: self.style.SUCCESS,
            Grade.NOTE: self.style.WARNING,
            Grade.PROBLEM: self.style.ERROR,
        }
        problems = 0
        for found in findings:
            problems += found.grade is Grade.PROBLEM
            self.stdout.write(f"{styles[found.grade](f'{found.grade.value:8}')} {found.sentence}")
        return problems

    def _write_json(self, findings: Sequence[Finding]) -> int:
        problems = sum(one.grade is Grade.PROBLEM for one in findings)
        document = [
            {"code": one.code, "level": one.grade.value, "text": one.text, "hint": one.hint}
            for one in findings
        ]
        write_json(self.stdout, {"ok": not problems, "findings": document})
        return problems
