"""Commands that say in a sentence, and by their exit code, that the database cannot be used."""

from __future__ import annotations

from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from jobs.core.database_faults import Fault, fault_of, one_line
from jobs.core.db import DATABASE_ERRORS

from .output import any_character

UNAVAILABLE: Final = 69
"""Exit code: the database cannot be used now, so nothing was done (``EX_UNAVAILABLE`` of
``sysexits.h``)."""
_HINT: Final = " Is the server running"
"""How libpq goes on, on a line of its own, where a sentence has ended."""


class DatabaseCommand(BaseCommand):
    """A command that needs the database of the jobs."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the checks and the command.

        Raises:
            CommandError: the database cannot be used.
        """
        try:
            with any_character():
                return super().execute(*args, **options)
        except DATABASE_ERRORS as error:
            sentence = describe(error)
            if sentence is None:
                raise
            raise CommandError(sentence, returncode=UNAVAILABLE) from error


def describe(error: Exception) -> str | None:
    """Return why the database cannot be used and what to do, for who runs a command.

    None if the fault is not the database's.
    """
    said = one_line(error).partition(_HINT)[0].rstrip(".")
    match fault_of(error):
        case Fault.AWAY:
            return (
                f"The database cannot be used: {said}. Look at DATABASES (DATABASE_URL), and "
                "whether its server runs."
            )
        case Fault.NO_WRITES:
            return f"The database takes no writes, or nobody in: {said}."
        case Fault.UNFIT:
            return (
                f"The database is not as Jobdesk needs it: {said}. Run: python manage.py migrate; "
                "python manage.py doctor says more."
            )
    return None
