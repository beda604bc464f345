"""What cancelling and running again have in common: which jobs, the question before, the report."""

from __future__ import annotations

import argparse
import sys
import uuid
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from django.core.management.base import CommandError

from jobs.core.formatting import pluralize
from jobs.core.states import Status
from jobs.core.uuid7 import uuid7
from jobs.management.base import BAD_INPUT, FAILED
from jobs.management.subcommands import Options, Output, Subcommand
from jobs.models import Job
from jobs.models.job import JobQuerySet
from jobs.queries.action_messages import CHANGED, ActionOutcome, admin_message, admin_refusal

from .filters import add_filters, filtered, has_filters, parse_statuses
from .pages import ids_oldest_first
from .selection import parse_ids

CHUNK: Final = 500
"""Jobs that one statement changes: what it locks is free again within milliseconds."""
MOST_REASONS: Final = 20
"""Reasons that people are told; JSON has them all."""
PROGRESS_EVERY: Final = 20
"""Chunks between two lines about the progress."""


@dataclass(slots=True)
class Report:
    """What became of the jobs: how many of each outcome, how many refused for each reason."""

    outcomes: Counter[ActionOutcome] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)

    def document(self, matched: int, *, dry_run: bool) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "matched": matched,
            "dry_run": dry_run,
            "outcomes": {
                outcome.value.replace(" ", "_"): count for outcome, count in self.outcomes.items()
            },
            "refused": [
                {"reason": reason, "count": count} for reason, count in self.refusals.items()
            ],
        }


class BulkAction(Subcommand):
    """Changes jobs that are named by their ids or chosen by filters.

    Attributes:
        statuses: of the jobs that it can change, in the order in which they are gone through.
        default_statuses: those that it changes where ``--status`` is not given.
        question: what it is about to do, with ``{jobs}``.
    """

    statuses: ClassVar[Sequence[Status]]
    default_statuses: ClassVar[Sequence[Status]]
    question: ClassVar[str]

    @abstractmethod
    def change_many(self, job_ids: Sequence[uuid.UUID], report: Report) -> None:
        """Change some hundreds of jobs in few statements."""

    def rows(self, status: Status) -> JobQuerySet:
        """Return the jobs of a status that are to be changed, if the filters choose them."""
        return Job.objects.all_with_status(status)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the ids, the filters and the confirmation."""
        parser.add_argument("ids", nargs="*", metavar="ID", help="or filters, or --all")
        add_filters(parser, self.statuses)
        parser.add_argument("--all", action="store_true", help="every job, without a filter")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--dry-run", action="store_true", help="say how many, change nothing")

    def run(self, output: Output, options: Options) -> None:
        """Change the jobs, and say what became of them."""
        by_ids = bool(options["ids"])
        if by_ids + has_filters(options) + options["all"] != 1:
            raise CommandError(
                "Which jobs? Give ids, or filters such as --task, or --all.", returncode=BAD_INPUT
            )
        keys = parse_ids(options["ids"])
        newest = uuid7()
        matched = len(keys) if by_ids else self._count(options)
        report = Report()
        if not options["dry_run"]:
            if by_ids:
                self.change_many(keys, report)
            elif matched:
                self._require_confirmation(matched, options, output)
                self._change_chosen(options, newest, report, output)
        self._write(output, report, matched, options["dry_run"])
        if report.refusals or (by_ids and report.outcomes.keys() - CHANGED):
            raise CommandError("Not all of them were changed.", returncode=FAILED)

    def _rows(self, options: Options) -> Iterator[Any]:
        default = self.default_statuses if options["status"] is None else self.statuses
        for status in parse_statuses(options["status"], default):
            yield filtered(options, self.rows(status))

    def _count(self, options: Options) -> int:
        return sum(rows.order_by().count() for rows in self._rows(options))

    def _require_confirmation(self, matched: int, options: Options, output: Output) -> None:
        if options["yes"]:
            return
        question = self.question.format(jobs=pluralize(matched, "job"))
        if sys.stdin is None or not sys.stdin.isatty():
            raise CommandError(
                f"{question} Add --yes to do it without a question.", returncode=BAD_INPUT
            )
        output.err.write(f"{question} Go on? [y/N] ", style_func=str, ending="")
        output.err.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was changed.", returncode=BAD_INPUT)

    def _change_chosen(
        self, options: Options, newest: uuid.UUID, report: Report, output: Output
    ) -> None:
        done = 0
        for rows in self._rows(options):
            for number, keys in enumerate(ids_oldest_first(rows, newest, CHUNK), 1):
                self.change_many(keys, report)
                done += len(keys)
                if number % PROGRESS_EVERY == 0:
                    output.note(f"{pluralize(done, 'job')} so far.")

    def _write(self, output: Output, report: Report, matched: int, dry_run: bool) -> None:
        output.document(report.document(matched, dry_run=dry_run))
        if dry_run:
            output.say(self.question.format(jobs=pluralize(matched, "job")))
        elif not matched:
            output.say("No job matches.")
        for outcome, count in report.outcomes.items():
            output.say(admin_message(outcome, count))
        for reason, count in report.refusals.most_common(MOST_REASONS):
            output.say(admin_refusal(reason, count))
