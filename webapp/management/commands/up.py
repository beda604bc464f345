"""``manage.py up``: everything in one command."""

from __future__ import annotations

import sys
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from webapp.up import StartupError
from webapp.up.run import up


class Command(BaseCommand):
    """Prepare the data folder, serve the site and run the consumers."""

    # They open the database, so `up` runs them once that is prepared.
    requires_system_checks: list[str] = []
    help = "Serve the site and run the consumers, until Ctrl-C. Nothing needs to be set up before."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
        parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")
        parser.add_argument(
            "--processes", type=int, default=1, help="of consumers; 0: none (default: 1)"
        )
        parser.add_argument(
            "--access-log",
            action="store_true",
            default=settings.ACCESS_LOG,
            help="log a line for each request",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until stopped. An error that prevents the start is printed without a traceback."""
        lock = threading.Lock()

        def write(line: str) -> None:
            with lock:  # lines of the consumers come from another thread
                self.stdout.write(line)
                self.stdout.flush()

        for stream in (sys.stdout, sys.stderr):
            # A console that can't show a character must not break a job's output.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        try:
            if options["processes"] < 0:
                raise StartupError("--processes must be 0 or more.")
            up(
                *(options["host"], options["port"], options["processes"], write, self.check),
                has_access_log=options["access_log"],
            )
        except StartupError as error:
            self.stderr.write(str(error))
            sys.exit(error.exit_code)
