"""``manage.py queues``: how full queues are; pause, resume and drain them."""

from __future__ import annotations

from jobs.management.base import BAD_INPUT, DONE, FAULTS, TIME_OUT
from jobs.management.queues_command.drain import Drain
from jobs.management.queues_command.list import List
from jobs.management.queues_command.pause import Pause, Resume
from jobs.management.subcommands import CommandWithSubcommands


class Command(CommandWithSubcommands):
    """The queues page of the admin, for the shell."""

    help = "See how full queues are; pause, resume and drain them. Default: list."
    exit_codes = {
        DONE: "done, or drained",
        **FAULTS,
        BAD_INPUT: "bad input, no such queue",
        TIME_OUT: "time out of drain",
    }
    subcommands = (List(), Pause(), Resume(), Drain())
