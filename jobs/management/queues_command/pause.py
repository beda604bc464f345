"""``manage.py queues pause`` and ``resume``."""

from __future__ import annotations

import argparse
from typing import ClassVar

from jobs import lifecycle
from jobs.management.subcommands import Options, Output, Subcommand
from jobs.queries.action_messages import queue_message

from .list import show_queues
from .selection import add_names, require_queues


class _SetPaused(Subcommand):
    paused: ClassVar[bool]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the names."""
        add_names(parser)

    def run(self, output: Output, options: Options) -> None:
        """Pause or resume each of the queues; no name may be wrong."""
        names = require_queues(options["queues"])
        for name in names:
            lifecycle.set_paused(name, self.paused)
            output.say(queue_message(name, paused=self.paused))
        if output.as_json:
            show_queues(output, names)


class Pause(_SetPaused):
    """Jobs are still accepted; what runs goes on."""

    name = "pause"
    help = "Take nothing more from these queues. Jobs are still accepted, what runs goes on."
    paused = True


class Resume(_SetPaused):
    """Consumers are notified of what waits."""

    name = "resume"
    help = "Take jobs from these queues again."
    paused = False
