"""What Jobdesk's commands share: exit codes, and errors as one sentence instead of a traceback."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.core.management.base import CommandError, CommandParser, OutputWrapper

from jobs.core.database_faults import one_line
from jobs.core.db import DATABASE_ERRORS
from jobs.errors import Conflict, JobsError, Refused, Unavailable

from .database_command import UNAVAILABLE, DatabaseCommand

DONE: Final = 0
FAILED: Final = 1
"""Something was refused, has failed, or is wrong."""
BAD_INPUT: Final = 2
TIME_OUT: Final = 3
INTERRUPTED: Final = 130
"""Ctrl-C, as shells have it: 128 and the number of SIGINT."""
OUTPUT_CLOSED: Final = 141
"""The reader of our output has gone, as ``head`` does: 128 and the number of SIGPIPE."""

FAULTS: Final = {
    BAD_INPUT: "bad input",
    UNAVAILABLE: "the database or the broker cannot be used",
}
"""What exit codes mean for a command that says nothing else about them."""


class JobsCommand(DatabaseCommand):
    """A command whose errors are sentences on standard error, each kind with its exit code.

    Attributes:
        exit_codes: what each code says; shown by ``--help`` and in ``jobs/docs/commands.md``.
    """

    requires_system_checks: list[str] = []
    exit_codes: ClassVar[Mapping[int, str]] = {DONE: "done", **FAULTS}

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return a parser whose help ends with the exit codes."""
        return super().create_parser(
            prog_name, subcommand, **{"epilog": describe_exit_codes(self.exit_codes), **kwargs}
        )

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command.

        Raises:
            CommandError: whatever Jobdesk or the database has raised, in words.
        """
        try:
            try:
                return super().execute(*args, **options)
            finally:
                self.stdout.flush()  # here an error is met, at the interpreter's end it is printed
        except (Refused, Conflict) as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        except Unavailable as error:
            raise CommandError(str(error), returncode=UNAVAILABLE) from error
        except JobsError as error:
            raise CommandError(str(error), returncode=FAILED) from error
        except DATABASE_ERRORS as error:
            said = f"The database says: {one_line(error)}. Run: python manage.py doctor"
            raise CommandError(said, returncode=FAILED) from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted.", returncode=INTERRUPTED) from None
        except OSError as error:
            if not _is_closed_output(error):
                raise
            raise _leave_closed_output() from None


def describe_exit_codes(exit_codes: Mapping[int, str]) -> str:
    """Return the exit codes of a command as one sentence."""
    told = ", ".join(f"{code} {meaning}" for code, meaning in sorted(exit_codes.items()))
    return f"Exit codes: {told}."


def add_json_option(parser: Any, help_text: str, **more: Any) -> None:
    """Add ``--json`` to a parser."""
    parser.add_argument("--json", action="store_true", dest="as_json", help=help_text, **more)


def write_json(out: OutputWrapper, document: Any) -> None:
    """Write one JSON document on one line."""
    out.write(json.dumps(document, ensure_ascii=not prints_unicode()))


def prints_unicode() -> bool:
    """Return whether standard output takes any character; an old Windows console does not."""
    return (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")


def _is_closed_output(error: OSError) -> bool:
    # Windows reports a pipe without a reader as an invalid argument.
    return isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL)


def _leave_closed_output() -> SystemExit:
    # The interpreter would flush standard output at its end, and report the same error again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return SystemExit(OUTPUT_CLOSED)
