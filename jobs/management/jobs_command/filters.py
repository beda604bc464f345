"""Which jobs the options ``--status``, ``--task`` and the like choose."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.core.management.base import CommandError
from django.utils import timezone

from jobs.catalog import all_tasks
from jobs.catalog.registry import nearest_names
from jobs.core.states import Status
from jobs.core.times import project_time
from jobs.core.users import find_user
from jobs.errors import UnknownQueue, UnknownTask
from jobs.management.arguments import moment
from jobs.management.base import BAD_INPUT
from jobs.management.subcommands import Options
from jobs.models import Job
from jobs.models.job import JobQuerySet
from jobs.queries.stats import queue_stats, recorded_tasks, serving_consumers

FILTERS: Final = ("status", "task", "queue", "owner", "since", "until")


def add_filters(parser: argparse.ArgumentParser, statuses: Sequence[Status]) -> None:
    """Declare the options that choose jobs.

    Args:
        parser: of a subcommand.
        statuses: those that may be asked for.
    """
    names = ",".join(statuses)
    parser.add_argument("--status", metavar="A,B", help=f"only these of {names}")
    parser.add_argument("--task", help="only this task")
    parser.add_argument("--queue", help="only this queue")
    parser.add_argument("--owner", metavar="USER", help="only the jobs of this user")
    for name, sense in (("since", "at this time or later"), ("until", "before this time")):
        parser.add_argument(
            f"--{name}",
            type=moment,
            metavar="TIME",
            help=f"submitted {sense}: 2030-01-31T09:00, or an age such as 90s, 30m, 2h, 7d",
        )


def has_filters(options: Options) -> bool:
    """Whether any of the options was given."""
    return any(options[name] is not None for name in FILTERS)


def parse_statuses(text: str | None, allowed: Sequence[Status]) -> list[Status]:
    """Return the statuses of ``--status``, all that are allowed where it is not given.

    Raises:
        CommandError: one of them is not allowed, or there is none.
    """
    if text is None:
        return list(allowed)
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in allowed:
            raise CommandError(
                f"--status takes {', '.join(allowed)}, not {name!r}.", returncode=BAD_INPUT
            )
    if not names:
        raise CommandError("--status is empty.", returncode=BAD_INPUT)
    return [status for status in allowed if status in names]


def filtered(options: Options, rows: JobQuerySet) -> JobQuerySet:
    """Return the jobs that the options choose, whatever their status.

    Raises:
        UnknownTask, UnknownQueue, CommandError: a name that is not known.
    """
    chosen: dict[str, Any] = {}
    if options["task"] is not None:
        chosen["task"] = _known_task(options["task"])
    if options["queue"] is not None:
        chosen["queue"] = _known_queue(options["queue"])
    if options["owner"] is not None:
        chosen["owner_id"] = _owner_key(options["owner"])
    since: datetime | None = options["since"]
    until: datetime | None = options["until"]
    if since is not None:
        chosen["created_at__gte"] = project_time(since)
    if until is not None:
        chosen["created_at__lt"] = project_time(until)
    return rows.filter(**chosen)


def _known_task(name: str) -> str:
    known = recorded_tasks() | set(all_tasks())
    if name not in known and not Job.objects.filter(task=name).exists():
        raise UnknownTask(name, nearest_names(name, sorted(known)))
    return name


def _known_queue(name: str) -> str:
    known = [one.name for one in queue_stats(serving_consumers(timezone.now()))]
    # A queue that is no longer configured may have finished jobs.
    if name not in known and not Job.objects.filter(queue=name).exists():
        raise UnknownQueue(name, known)
    return name


def _owner_key(name: str) -> Any:
    user = find_user(name)
    if user is None:
        raise CommandError(f"There is no user named {name!r}.", returncode=BAD_INPUT)
    return user.pk
