"""``manage.py consumers``: see consumer processes, have them take nothing new, stop them."""

from __future__ import annotations

from jobs.management.base import BAD_INPUT, DONE, FAILED, FAULTS, TIME_OUT
from jobs.management.consumers_command.list import List
from jobs.management.consumers_command.requests import Quiet, Resume, Stop
from jobs.management.subcommands import CommandWithSubcommands


class Command(CommandWithSubcommands):
    """Works on every system and across machines: a consumer reads requests in its own row."""

    help = "See consumer processes, have them take nothing new, stop them. Default: list."
    exit_codes = {
        DONE: "done",
        **FAULTS,
        FAILED: "one died or vanished",
        BAD_INPUT: "bad input, no such consumer",
        TIME_OUT: "time out of --wait",
    }
    subcommands = (List(), Quiet(), Resume(), Stop())
