"""What a check of the doctor reports, and running the checks in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from jobs.core.database_faults import one_line
from jobs.core.db import DATABASE_ERRORS


class Grade(Enum):
    """How bad a finding is; only a problem fails the command."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has found.

    Attributes:
        text: a sentence.
        code: names the kind of finding to programs: it stays when the sentence changes. One that
            names none gets the name of its check.
        hint: what to do about it, "" where the text says it or nothing is to be done.
    """

    grade: Grade
    text: str
    code: str = ""
    hint: str = ""

    @property
    def sentence(self) -> str:
        """The text with its hint, for people."""
        return f"{self.text} {self.hint}".rstrip()


class StopChecks(Exception):
    """What was found makes further checks useless."""


Check = Callable[[datetime], Iterator[Finding]]
"""Takes the current time."""


def ok(text: str, code: str = "") -> Finding:
    """Return a finding that is as it should be."""
    return Finding(Grade.OK, text, code)


def note(text: str, code: str = "", hint: str = "") -> Finding:
    """Return a finding that is worth knowing."""
    return Finding(Grade.NOTE, text, code, hint)


def problem(text: str, code: str = "", hint: str = "") -> Finding:
    """Return a finding that keeps jobs from running."""
    return Finding(Grade.PROBLEM, text, code, hint)


def run_checks(now: datetime, checks: Sequence[Check]) -> Iterator[Finding]:
    """Run the checks in order; a database that cannot be used ends them."""
    for check in checks:
        try:
            for found in check(now):
                yield found if found.code else replace(found, code=check.__name__)
        except StopChecks:
            return
        except DATABASE_ERRORS as error:
            yield problem(f"The database says: {one_line(error)}", "database_error")
            return
