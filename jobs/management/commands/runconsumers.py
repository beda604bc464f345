"""``manage.py runconsumers``: take jobs and run them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from jobs.consumer.console_log import logged_to_console
from jobs.consumer.health import LOCAL, HealthError, HealthOptions
from jobs.consumer.main import serve, serve_embedded
from jobs.consumer.process import ConsumerOptions
from jobs.core.db import connection
from jobs.lifecycle.followers import DELIVERIES
from jobs.management.base import BAD_INPUT
from jobs.management.database_command import DatabaseCommand
from jobs.queries.stats import DEFAULT_QUEUE, configured_queues, takes_any_queue


class Command(DatabaseCommand):
    """Consume queues until told to stop."""

    # Only ours. Django's own find out in a transaction what SQLite can do, and take a database that
    # is locked for one without any features.
    requires_system_checks: tuple[str, ...] = ("jobs",)
    _is_program = False
    help = "Take jobs from the queues and run them. Ctrl-C finishes what runs, then ends."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--queues", help="comma-separated; default: all that TASKS lists, any if it lists none"
        )
        parser.add_argument("--concurrency", type=int, default=8, help="slots a process")
        parser.add_argument("--processes", type=int, default=1)
        parser.add_argument("--until-idle", action="store_true", help="end when nothing is due")
        parser.add_argument(
            "--health-file",
            type=Path,
            metavar="PATH",
            help="a file that each heartbeat touches; it is there while jobs are taken",
        )
        parser.add_argument(
            "--health-port", type=int, metavar="PORT", help="answers GET /healthz and /readyz"
        )
        parser.add_argument(
            "--health-address",
            default=LOCAL,
            metavar="ADDRESS",
            help="of that port (default: %(default)s)",
        )
        parser.add_argument(
            "--parent-pipe",
            action="store_true",
            help="standard input is a parent's pipe: a line means drain, its end means leave",
        )

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as a program: its process ends with the consumer."""
        self._is_program = True
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until stopped."""
        if options["concurrency"] < 1 or options["processes"] < 1:
            raise CommandError(
                "--concurrency and --processes take a whole number from 1.", returncode=BAD_INPUT
            )
        queues = _queues(options["queues"])
        asked = ConsumerOptions(
            queues=[queue for queue in queues if queue != DELIVERIES],
            any_queue=not options["queues"] and takes_any_queue(),
            deliveries=not options["queues"] or DELIVERIES in queues,
            concurrency=options["concurrency"],
            until_idle=options["until_idle"],
            embedded=not self._is_program,
            health=_health(options),
        )
        try:
            self._serve(asked, options["processes"], parent_pipe=options["parent_pipe"])
        except HealthError as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from None

    def _serve(self, asked: ConsumerOptions, processes: int, *, parent_pipe: bool) -> None:
        if processes > 1:
            # Here, and not by each process again and again.
            connection().ensure_connection()
            connection().close()
        if self._is_program:
            with logged_to_console():
                code = serve(asked, processes=processes, parent_pipe=parent_pipe)
            sys.exit(code)
        _require_visible_database(processes)
        with logged_to_console():
            code = serve_embedded(asked, processes=processes)
        if code:
            raise CommandError("The consumers gave up: see their log.", returncode=code)


def _require_visible_database(processes: int) -> None:
    """Refuse a database that only the calling thread, or only this process, can see."""
    db = connection()
    other = "Run the jobs with jobs.testing.drain() instead"
    if db.in_atomic_block:
        raise CommandError(
            "Consumers run jobs on threads of their own, which do not see what an open "
            f"transaction, such as that of a TestCase, has written. {other}, or use a "
            "TransactionTestCase."
        )
    if db.vendor == "sqlite" and db.is_in_memory_db():  # type: ignore[attr-defined]
        raise CommandError(
            "Consumers run jobs on threads of their own, and threads cannot share an SQLite "
            f"database that is in memory. {other}, or give the test database a file: "
            'DATABASES["default"]["TEST"]["NAME"].'
        )
    if processes > 1 and _is_test_run():
        raise CommandError(
            "--processes above 1 starts programs, which use the project's own database and not the "
            f"test database. {other}, or leave --processes out."
        )


def _health(options: dict[str, Any]) -> HealthOptions:
    file = options["health_file"]
    return HealthOptions(
        file=None if file is None else Path(file).absolute(),
        port=options["health_port"],
        address=options["health_address"],
    )


def _is_test_run() -> bool:
    """Whether Django's test environment is set up in this process."""
    utils = sys.modules.get("django.test.utils")
    return utils is not None and hasattr(utils._TestState, "saved_data")


def _queues(text: str | None) -> list[str]:
    known = sorted(configured_queues()) or [DEFAULT_QUEUE]
    if not text:
        return known
    asked = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = (
        [] if takes_any_queue() else [queue for queue in asked if queue not in {*known, DELIVERIES}]
    )
    if unknown or not asked:
        raise CommandError(
            f"No such queue: {', '.join(unknown) or text!r}. Known: {', '.join(known)}.",
            returncode=BAD_INPUT,
        )
    return asked
