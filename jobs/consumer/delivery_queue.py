"""Serving the queue of webhooks and e-mails, from when somebody wants any."""

from __future__ import annotations

from typing import Final

from jobs.brokers.base import Broker, ConsumerPort
from jobs.lifecycle.followers import DELIVERIES

from .any_queue import AnyQueue
from .follower_thread import FollowerThread
from .queue_polls import QueuePolls
from .registration import Registration

SLOTS: Final = 8
"""Of a process, beside those for tasks: receivers that hang keep no task waiting."""


class DeliveryQueue(AnyQueue):
    """Has a consumer process serve it, with threads and slots of its own.

    Where nobody has webhooks or asks for e-mails there is nothing of it: no thread, no poll.
    """

    def __init__(
        self,
        broker: Broker,
        port: ConsumerPort,
        polls: QueuePolls,
        registration: Registration,
        follower: FollowerThread,
    ) -> None:
        super().__init__(broker, port, polls, registration, SLOTS)
        self._follower = follower

    def _wanted(self) -> set[str]:
        return {DELIVERIES} if self._follower.is_active else set()
