"""``manage.py queues drain``: pause, and wait until nothing runs."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence

from django.core.management.base import CommandError

from jobs import lifecycle
from jobs.core.formatting import pluralize
from jobs.core.states import Status
from jobs.management.arguments import seconds
from jobs.management.base import TIME_OUT
from jobs.management.polling import pause, poll_until
from jobs.management.subcommands import Options, Output, Subcommand
from jobs.models import Job
from jobs.queries.action_messages import queue_message

from .list import show_queues
from .selection import add_names, require_queues


class Drain(Subcommand):
    """Before maintenance of what a queue's tasks use: a server, a share, a licence."""

    name = "drain"
    help = (
        "Pause these queues and wait until none of their jobs runs. Jobs that wait stay in the "
        "queue and new ones are accepted; `resume` lets them run. After a time out the queues stay "
        "paused."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the names and the time."""
        add_names(parser)
        parser.add_argument(
            "--timeout",
            type=seconds,
            default=math.inf,
            metavar="SECONDS",
            help="wait at most so long; default: until it is done",
        )

    def run(self, output: Output, options: Options) -> None:
        """Pause, and wait."""
        names = require_queues(options["queues"])
        for name in names:
            lifecycle.set_paused(name, True)
            output.say(queue_message(name, paused=True))
        drained = _wait_until_nothing_runs(names, options["timeout"])
        if output.as_json:
            show_queues(output, names)
        if not drained:
            running = pluralize(_running(names), "job")
            raise CommandError(
                f"After {options['timeout']:g} s {running} of {', '.join(names)} still run. "
                "Nothing more is taken: the pause stays.",
                returncode=TIME_OUT,
            )
        output.say(f"Drained: no job of {', '.join(names)} runs.")


def _wait_until_nothing_runs(names: Sequence[str], timeout: float) -> bool:
    def is_drained() -> bool:
        if _running(names):
            return False
        # A claim that began before the pause is committed shortly after it.
        pause()
        return not _running(names)

    return poll_until(is_drained, timeout)


def _running(names: Sequence[str]) -> int:
    return Job.objects.filter(status=Status.RUNNING, queue__in=names).count()
