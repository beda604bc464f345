"""What a check of the doctor reports, and running the checks in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
    """What one check has found, as a sentence."""

    grade: Grade
    text: str


class StopChecks(Exception):
    """What was found makes further checks useless."""


Check = Callable[[datetime], Iterator[Finding]]
"""Takes the current time."""


def ok(text: str) -> Finding:
    """Return a finding that is as it should be."""
    return Finding(Grade.OK, text)


def note(text: str) -> Finding:
    """Return a finding that is worth knowing."""
    return Finding(Grade.NOTE, text)


def problem(text: str) -> Finding:
    """Return a finding that keeps jobs from running."""
    return Finding(Grade.PROBLEM, text)


def run_checks(now: datetime, checks: Sequence[Check]) -> Iterator[Finding]:
    """Run the checks in order; a database that cannot be used ends them."""
    for check in checks:
        try:
            yield from check(now)
        except StopChecks:
            return
        except DATABASE_ERRORS as error:
            yield problem(f"The database says: {one_line(error)}")
            return
