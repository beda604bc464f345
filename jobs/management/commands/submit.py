"""``manage.py submit``: submit a job, and wait for its result if asked to."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from jobs.catalog import get_task
from jobs.core.states import Status
from jobs.management.argument_values import parse_arguments
from jobs.management.arguments import parse_time
from jobs.management.base import (
    BAD_INPUT,
    DONE,
    FAILED,
    FAULTS,
    INTERRUPTED,
    TIME_OUT,
    JobsCommand,
    add_json_option,
    prints_unicode,
    write_json,
)
from jobs.management.users import user_named
from jobs.management.wait_for_job import result_json, wait_for
from jobs.models import Job
from jobs.queries.job_fields import job_fields
from jobs.queries.stats import serving_consumers
from jobs.queries.waiting_reason import no_consumer
from jobs.submission import SubmitOptions, store_upload, submit_job
from jobs.submission.permissions import require_permission
from jobs.submission.result_value import loaded_result

CHUNK_BYTES = 1024 * 1024


class Command(JobsCommand):
    """Submit a job; print its id, or wait for its result."""

    help = "Submit a job and print its id; with --wait, print its result as JSON."
    exit_codes = {
        DONE: "submitted, or succeeded",
        **FAULTS,
        FAILED: "failed or cancelled",
        BAD_INPUT: "bad input, or refused",
        TIME_OUT: "time out of --wait",
        INTERRUPTED: "Ctrl-C while waiting",
    }

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return a parser that takes options between arguments: ``submit TASK --wait n=7``."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments and options."""
        parser.add_argument(
            "task_and_arguments",
            nargs="*",
            metavar="TASK key=value",
            help="the task's name and its arguments; a file is given as key=@path",
        )
        parser.add_argument("--user", help="whose job it is; checks what this user may do")
        parser.add_argument(
            "--wait", nargs="?", const="", metavar="SECONDS", help="wait for the result"
        )
        parser.add_argument("--queue")
        parser.add_argument("--priority", type=int, help="-100 to 100, higher first")
        parser.add_argument("--run-after", help="a date and time, ISO 8601")
        parser.add_argument("--max-attempts", type=int)
        parser.add_argument(
            "--unique-key", help="at most one unfinished job of task, owner and key"
        )

        add_json_option(parser, "one document: the job, as the API has it, without links")

    def handle(self, *args: Any, **options: Any) -> None:
        """Submit the job, and wait for its end if that was asked for."""
        arguments, seconds = _split_wait(options["task_and_arguments"], options["wait"])
        job = self._submit(arguments, options)
        if seconds is None:
            self._write(job, options, str(job.pk))
        else:
            self._wait(job, seconds, options)

    def _write(self, job: Job, options: dict[str, Any], text: str) -> None:
        if options["as_json"]:
            write_json(self.stdout, job_fields(job))
        elif text:
            self.stdout.write(text)

    def _submit(self, task_and_arguments: list[str], options: dict[str, Any]) -> Job:
        if not task_and_arguments or "=" in task_and_arguments[0]:
            raise CommandError("Which task? Write: submit TASK key=value", returncode=BAD_INPUT)
        name, *pairs = task_and_arguments
        task = get_task(name)
        owner = user_named(options["user"]) if options["user"] else None
        if owner is not None:
            require_permission(task, owner)  # before a file is stored for nothing
        declared = task.spec.arguments
        arguments = parse_arguments(declared, pairs, lambda path: _store_file(owner, path))
        submitted = submit_job(
            task,
            arguments,
            options=SubmitOptions(
                queue=options["queue"],
                priority=options["priority"],
                run_after=_parse_time(options["run_after"]),
                max_attempts=options["max_attempts"],
                unique_key=options["unique_key"],
            ),
            owner=owner,
            enforce_limits=owner is not None,
        )
        if not submitted.created:
            self.stderr.write("An unfinished job has this unique key already; this is that job.")
        return submitted.job

    def _wait(self, job: Job, seconds: float, options: dict[str, Any]) -> None:
        self.stderr.write(f"Waiting for {job.pk}.")
        if not any(job.queue in one.queues for one in serving_consumers(timezone.now())):
            self.stderr.write(no_consumer(job.queue).sentence)
        try:
            finished = wait_for(job.pk, seconds)
        except KeyboardInterrupt:
            raise CommandError(
                f"Stopped waiting; the job {job.pk} goes on.", returncode=INTERRUPTED
            ) from None
        except Job.DoesNotExist:
            raise CommandError(f"The job {job.pk} was deleted.", returncode=FAILED) from None
        if finished is None:
            self._write(Job.objects.get(pk=job.pk), options, "")
            raise CommandError(
                f"The job {job.pk} has not finished within {seconds:g} s; it goes on.",
                returncode=TIME_OUT,
            )
        if finished.status != Status.SUCCEEDED:
            self._write(finished, options, "")
            raise CommandError(_reason(finished), returncode=FAILED)
        for text in finished.warnings or ():
            self.stderr.write(f"Warning: {text}")
        if options["as_json"]:
            write_json(self.stdout, {**job_fields(finished), "result": loaded_result(finished)})
        else:
            self.stdout.write(result_json(finished, ascii_only=not prints_unicode()))


def _split_wait(arguments: list[str], wait: str | None) -> tuple[list[str], float | None]:
    """Tell ``--wait 5`` from ``--wait TASK``: argparse takes what follows as the value of --wait.

    Returns the task with its arguments, and the seconds to wait, None if without ``--wait``.
    """
    if wait is None:
        return arguments, None
    try:
        seconds = float(wait or "inf")
    except ValueError:
        # A task's name has no "=" and comes first, an argument has one and comes after.
        return ([*arguments, wait] if "=" in wait else [wait, *arguments]), float("inf")
    if not seconds >= 0:
        raise CommandError(f"--wait takes seconds, not {wait}.", returncode=BAD_INPUT)
    return arguments, seconds


def _store_file(owner: Any, path: Path) -> str:
    with path.open("rb") as source:
        return str(store_upload(owner, path.name, iter(lambda: source.read(CHUNK_BYTES), b"")).pk)


def _parse_time(text: str | None) -> datetime | None:
    if not text:
        return None
    found = parse_time(text)
    if found is None:
        raise CommandError(
            f"--run-after takes a date and time such as 2030-01-31T09:00, not {text!r}.",
            returncode=BAD_INPUT,
        )
    return found


def _reason(job: Job) -> str:
    error = f"{job.error_type}: {job.error_message}" if job.error_message else job.error_type
    ended = "was cancelled" if job.status == Status.CANCELLED else "failed"
    return f"The job {job.pk} {ended}: {error}"
