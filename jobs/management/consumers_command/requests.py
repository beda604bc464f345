"""``manage.py consumers quiet``, ``resume`` and ``stop``: a consumer's heartbeat reads them."""

from __future__ import annotations

import argparse
import uuid
from typing import ClassVar

from django.core.management.base import CommandError

from jobs import lifecycle
from jobs.management.arguments import seconds
from jobs.management.base import BAD_INPUT
from jobs.management.subcommands import Options, Output, Subcommand
from jobs.models import Consumer, ConsumerRequest
from jobs.queries.action_messages import consumer_message

from .list import show_consumers
from .selection import select_consumers
from .waiting import wait_for


class _Request(Subcommand):
    """Asks something of the consumers that are named."""

    requested: ClassVar[ConsumerRequest]
    wait_help: ClassVar[str] = ""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare which consumers, and whether to wait."""
        parser.add_argument(
            "consumers", nargs="*", metavar="ID|HOST|HOST:PID", help="a HOST names all of its own"
        )
        parser.add_argument("--all", action="store_true", help="every consumer")
        if self.wait_help:
            parser.add_argument("--wait", type=seconds, metavar="SECONDS", help=self.wait_help)

    def run(self, output: Output, options: Options) -> None:
        """Ask, and wait until it is done if that was asked for."""
        if bool(options["consumers"]) == options["all"]:
            raise CommandError(
                "Which consumers? Give ids, hosts or HOST:PID, or --all.", returncode=BAD_INPUT
            )
        chosen = select_consumers(options["consumers"])
        keys = [one.pk for one in chosen]
        lifecycle.request(keys, self.requested)
        for one in chosen:
            output.say(consumer_message(str(one), self.requested))
        if not chosen:
            output.note("No consumer runs.")
        if options.get("wait") is not None:
            wait_for(self.requested, keys, options["wait"])
        if output.as_json:
            show_consumers(output, _as_asked(keys, chosen))


def _as_asked(keys: list[uuid.UUID], chosen: list[Consumer]) -> list[Consumer]:
    """The rows as they are now; for one that has stopped the row that it had."""
    now = Consumer.objects.in_bulk(keys)
    return [now.get(one.pk, one) for one in chosen]


class Quiet(_Request):
    """Before a deployment or maintenance: what runs ends by itself, the process goes on."""

    name = "quiet"
    help = "Have consumers take nothing new, finish what runs and stay alive."
    requested = ConsumerRequest.QUIET
    wait_help = "wait until nothing runs there, at most so long"


class Resume(_Request):
    """Takes back a ``quiet``, and a ``stop`` that was not read yet."""

    name = "resume"
    help = "Let quiet consumers take jobs again."
    requested = ConsumerRequest.NONE


class Stop(_Request):
    """As SIGTERM does, but from any machine and on every system."""

    name = "stop"
    help = "Have consumers drain as by SIGTERM, exit with 0 and not be replaced by their parent."
    requested = ConsumerRequest.STOP
    wait_help = "wait until they have ended, at most so long"
