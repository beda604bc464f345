"""``manage.py jobs list``."""

from __future__ import annotations

import argparse
from typing import Final

from jobs.core.states import FINAL, Status
from jobs.core.users import names_of
from jobs.management.arguments import count
from jobs.management.subcommands import Options, Output, Subcommand
from jobs.management.tables import Row, Table, time_text
from jobs.models import Job
from jobs.models.job import JobQuerySet

from .documents import job_documents
from .filters import add_filters, filtered, parse_statuses
from .pages import newest_first

DEFAULT_LIMIT: Final = 50
ROWS_A_PAGE: Final = 200
TABLE: Final = Table(
    ("ID", "STATUS", "TASK", "QUEUE", "OWNER", "SUBMITTED", "FINISHED", "ERROR"),
    may_be_cut=("TASK", "QUEUE", "OWNER", "ERROR"),
)


class List(Subcommand):
    """Lists jobs, the newest first."""

    name = "list"
    help = "List jobs, the newest first."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the filters and the limit."""
        add_filters(parser, tuple(Status))
        parser.add_argument(
            "--limit",
            type=count,
            default=DEFAULT_LIMIT,
            help=f"so many at most, 0: all; default: {DEFAULT_LIMIT}",
        )

    def run(self, output: Output, options: Options) -> None:
        """List them page by page: no page waits for the next one."""
        limit = options["limit"] or None
        rows = filtered(options, _with_statuses(options, limit is not None))
        shown = 0
        for page in newest_first(rows, ROWS_A_PAGE, limit):
            shown += len(page)
            if output.as_json:
                for document in job_documents(page):
                    output.document(document)
            else:
                output.table(TABLE, _rows(page))
        if not shown:
            output.note("No job matches.")
        elif shown == limit:
            output.note(f"The newest {limit:,}; --limit 0 lists all.")


def _with_statuses(options: Options, has_limit: bool) -> JobQuerySet:
    if options["status"] is None:
        return Job.objects.all()
    statuses = parse_statuses(options["status"], tuple(Status))
    if len(statuses) == 1 and (has_limit or statuses[0] in FINAL):
        return Job.objects.with_status(statuses[0])
    return Job.objects.filter(status__in=statuses)


def _rows(jobs: list[Job]) -> list[Row]:
    owners = names_of(job.owner_id for job in jobs)
    return [
        (
            *(str(job.pk), job.status, job.task, job.queue, owners.get(job.owner_id, "")),
            *(time_text(job.created_at), time_text(job.finished_at), _error(job)),
        )
        for job in jobs
    ]


def _error(job: Job) -> str:
    return f"{job.error_type}: {job.error_message}" if job.error_message else job.error_type
