"""``manage.py jobs``: find jobs, see one, cancel many, run them again."""

from __future__ import annotations

from jobs.management.base import BAD_INPUT, DONE, FAILED, FAULTS
from jobs.management.jobs_command.cancel import Cancel
from jobs.management.jobs_command.list import List
from jobs.management.jobs_command.retry import Retry
from jobs.management.jobs_command.show import Show
from jobs.management.subcommands import CommandWithSubcommands


class Command(CommandWithSubcommands):
    """The list of jobs and its actions, for the shell; sees everybody's jobs, as staff do."""

    help = "Find jobs, see one, cancel many, run them again. Default: list."
    exit_codes = {
        DONE: "done",
        **FAULTS,
        FAILED: "a job was refused or does not exist",
        BAD_INPUT: "bad input, or not confirmed",
    }
    subcommands = (List(), Show(), Cancel(), Retry())
