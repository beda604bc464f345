"""What is said after jobs were cancelled or run again, and after something was asked of consumers.

The pages and the admin word it differently, the commands as the admin does; both wordings are here
and nowhere else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from jobs.core.formatting import pluralize
from jobs.models import ConsumerRequest


class ActionOutcome(StrEnum):
    """What cancelling a job, or running it again, led to."""

    CANCELLED = "cancelled"
    STOP_REQUESTED = "stop requested"
    REQUEUED = "requeued"
    ALREADY_FINISHED = "already finished"
    DELETED = "deleted"


CHANGED: Final = frozenset(
    {ActionOutcome.CANCELLED, ActionOutcome.STOP_REQUESTED, ActionOutcome.REQUEUED}
)
"""The outcomes that changed the job."""

_PAGE: Final = {
    ActionOutcome.CANCELLED: "{jobs} cancelled.",
    ActionOutcome.STOP_REQUESTED: "{jobs} asked to stop.",
    ActionOutcome.REQUEUED: "{jobs} back in the queue.",
}
_ADMIN: Final = {
    ActionOutcome.CANCELLED: "{jobs} {was} cancelled.",
    ActionOutcome.STOP_REQUESTED: "{jobs} {was} running and {was} asked to stop.",
    ActionOutcome.REQUEUED: "{jobs} {was} put back into the queue.",
    ActionOutcome.ALREADY_FINISHED: "{jobs} {has} finished and cannot be cancelled.",
    ActionOutcome.DELETED: "{jobs} {was} deleted in the meantime.",
}
_ADMIN_HISTORY: Final = {
    ActionOutcome.CANCELLED: "Cancelled",
    ActionOutcome.STOP_REQUESTED: "Asked to stop",
    ActionOutcome.REQUEUED: "Run again",
}


def page_message(outcome: ActionOutcome, count: int) -> str:
    """What the list of jobs says of ``count`` jobs that an action changed."""
    return _PAGE[outcome].format(jobs=pluralize(count, "job"))


def page_refusal(reason: str, count: int) -> str:
    """What the list of jobs says of ``count`` jobs that could not be changed."""
    return f"{pluralize(count, 'job')} left as it was: {reason}"


def admin_message(outcome: ActionOutcome, count: int) -> str:
    """What the admin says of ``count`` jobs with this outcome."""
    return _ADMIN[outcome].format(jobs=pluralize(count, "job"), **_verbs(count))


def admin_refusal(reason: str, count: int) -> str:
    """What the admin says of ``count`` jobs that could not be run again."""
    return f"{pluralize(count, 'job')} {_verbs(count)['was']} not run again: {reason}"


def history_entry(outcome: ActionOutcome) -> str:
    """What the admin's history of a job records; for the outcomes that changed it."""
    return _ADMIN_HISTORY[outcome]


_CONSUMER: Final = {
    ConsumerRequest.QUIET: "{consumer} takes nothing new from its next heartbeat on.",
    ConsumerRequest.STOP: "{consumer} stops with its next heartbeat, when what it runs has ended.",
    ConsumerRequest.NONE: "{consumer} takes jobs again from its next heartbeat on.",
}


def consumer_message(consumer: str, requested: ConsumerRequest) -> str:
    """What the admin and the command say of a consumer that something was asked of."""
    return _CONSUMER[requested].format(consumer=consumer)


def queue_message(queue: str, *, paused: bool) -> str:
    """What the admin and the command say of a queue that was paused or resumed."""
    state = "paused" if paused else "open"
    effect = "nothing more is taken from it" if paused else "its jobs are taken again"
    return f"The queue {queue} is {state}: {effect}."


def _verbs(count: int) -> dict[str, str]:
    return {"was": "was", "has": "has"} if count == 1 else {"was": "were", "has": "have"}
