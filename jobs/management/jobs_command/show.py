"""``manage.py jobs show``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.core.management.base import CommandError
from django.utils import timezone

from jobs.core.formatting import filesize
from jobs.core.users import name_of
from jobs.management.base import FAILED, prints_unicode
from jobs.management.subcommands import Options, Output, Subcommand
from jobs.management.tables import one_line, time_text
from jobs.models import Attempt, Job
from jobs.queries import logs
from jobs.queries.job_fields import utc_text
from jobs.queries.waiting_reason import Reason, why_waiting

from .documents import job_documents
from .selection import parse_id

LOG_LINES: Final = 20


class Show(Subcommand):
    """Shows all there is to know of one job."""

    name = "show"
    help = "Show one job: its arguments, what became of it, its attempts, the end of its log."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the id."""
        parser.add_argument("id", metavar="ID")

    def run(self, output: Output, options: Options) -> None:
        """Show it."""
        job = Job.objects.filter(pk=parse_id(options["id"])).first()
        if job is None:
            raise CommandError(f"There is no job {options['id']}.", returncode=FAILED)
        attempts = list(job.attempts.order_by("number"))
        if output.as_json:
            (document,) = job_documents([job])
            output.document({**document, "attempts": [_attempt_document(one) for one in attempts]})
            return
        for name, text in _fields(job, attempts):
            output.say(f"{name + ':':12} {text}")
        if attempts and attempts[-1].traceback:
            output.say(f"\n{_lines(attempts[-1].traceback.splitlines())}")
        if log := logs.tail(job).text.splitlines()[-LOG_LINES:]:
            output.say(f"\nThe end of its log:\n{_lines(log)}")


def _attempt_document(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "outcome": attempt.outcome,
        "consumer": attempt.consumer,
        "started_at": None if attempt.started_at is None else utc_text(attempt.started_at),
        "ended_at": utc_text(attempt.ended_at),
        "error_type": attempt.error_type,
        "message": attempt.message,
        "traceback": attempt.traceback,
    }


def _fields(job: Job, attempts: list[Attempt]) -> Iterator[tuple[str, str]]:
    yield "id", str(job.pk)
    yield "task", job.task
    yield "status", job.status
    if reason := why_waiting(job, timezone.now()):
        yield "waits", _reason(reason)
    for name, moment in _times(job):
        yield name, time_text(moment)
    yield "queue", f"{job.queue}, priority {job.priority}"
    yield "owner", name_of(job.owner_id) or "none"
    if job.request_id is not None:
        yield "request", job.request_id
    yield "arguments", _json(job.kwargs or job.args)
    if job.error_type:
        yield "error", one_line(f"{job.error_type}: {job.error_message}")
    if job.result is not None:
        yield "result", _json(job.result)
    for text in job.warnings or ():
        yield "warning", one_line(text)
    for artifact in job.artifacts.all():
        yield "file", f"{one_line(artifact.name)}, {filesize(artifact.size)}"
    yield "failures", f"{job.failures} of {job.max_attempts}"
    for one in attempts:
        yield f"attempt {one.number}", _attempt(one)


def _times(job: Job) -> Iterator[tuple[str, Any]]:
    times = (
        *(("submitted", job.created_at), ("due", job.run_after)),
        *(("started", job.started_at), ("finished", job.finished_at)),
    )
    return ((name, moment) for name, moment in times if moment is not None)


def _reason(reason: Reason) -> str:
    return one_line(f"{reason.sentence} {time_text(reason.until)} {reason.failure}").strip()


def _attempt(attempt: Attempt) -> str:
    error = f", {attempt.error_type}: {attempt.message}" if attempt.error_type else ""
    where = f" on {attempt.consumer}" if attempt.consumer else ""
    return one_line(f"{attempt.outcome} at {time_text(attempt.ended_at)}{where}{error}")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=not prints_unicode())


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(one_line(line) for line in lines)
