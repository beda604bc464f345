"""``manage.py runconsumers``: take jobs and run them."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.compat import task_backends
from jobs.consumer.console_log import logged_to_console
from jobs.consumer.main import serve
from jobs.consumer.process import ConsumerOptions


class Command(BaseCommand):
    """Consume queues until told to stop."""

    # Only ours. Django's own find out in a transaction what SQLite can do, and take a database that
    # is locked for one without any features.
    requires_system_checks: tuple[str, ...] = ("jobs",)
    help = "Take jobs from the queues and run them. Ctrl-C finishes what runs, then ends."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--queues", help="comma-separated; default: all that TASKS lists")
        parser.add_argument("--concurrency", type=int, default=8, help="slots a process")
        parser.add_argument("--processes", type=int, default=1)
        parser.add_argument("--until-idle", action="store_true", help="end when nothing is due")
        parser.add_argument(
            "--parent-pipe",
            action="store_true",
            help="standard input is a parent's pipe: a line means drain, its end means leave",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until stopped."""
        if options["concurrency"] < 1 or options["processes"] < 1:
            raise CommandError("--concurrency and --processes take a whole number from 1.")
        asked = ConsumerOptions(
            queues=_queues(options["queues"]),
            concurrency=options["concurrency"],
            until_idle=options["until_idle"],
        )
        with logged_to_console():
            code = serve(asked, processes=options["processes"], parent_pipe=options["parent_pipe"])
        sys.exit(code)


def _queues(text: str | None) -> list[str]:
    known = sorted({queue for backend in task_backends.all() for queue in backend.queues})
    if not text:
        return known
    asked = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [queue for queue in asked if queue not in known]
    if unknown or not asked:
        raise CommandError(
            f"No such queue: {', '.join(unknown) or text!r}. Known: {', '.join(known)}."
        )
    return asked
