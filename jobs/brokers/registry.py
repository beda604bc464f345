"""Finds the broker of this deployment, by the scheme of ``JOBS["BROKER_URL"]``."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache, partial

from django.core.signals import request_finished
from django.db import transaction

from jobs.brokers.kafka.broker import KafkaBroker
from jobs.brokers.redis.broker import RedisBroker
from jobs.conf import get_conf
from jobs.core.db import connection
from jobs.errors import BrokerError

from .base import Broker, BrokerFactory
from .database import DatabaseBroker

FACTORIES: dict[str, BrokerFactory] = {
    "database": DatabaseBroker,
    "kafka": KafkaBroker,
    "kafkas": KafkaBroker,
    "redis": RedisBroker,
    "rediss": RedisBroker,
}


def get_broker() -> Broker:
    """Return the broker of this deployment.

    Raises:
        BrokerError: the URL's scheme is unknown, or a package that the broker needs is missing.
    """
    return _make(get_conf().broker_url)


@lru_cache(maxsize=4)
def _make(url: str) -> Broker:
    scheme = url.partition(":")[0]
    if scheme not in FACTORIES:
        known = ", ".join(f"{name}://" for name in sorted(FACTORIES))
        # Not the URL itself: it may hold a password.
        raise BrokerError(
            f"JOBS_BROKER_URL starts with {scheme!r}, which is no broker. Known: {known}."
        )
    return FACTORIES[scheme](url)


def warm_up(**_: object) -> None:
    """Have the broker's client loaded and connected, now that the first request is answered.

    That takes 0.2 s and more, for which a process's first job would wait. Any earlier it would be
    done by commands too, of which most announce nothing.
    """
    request_finished.disconnect(warm_up)
    with suppress(BrokerError):  # the checks tell, and who hands in a job
        get_broker().warm_up()


def notify_statement(queue: str) -> tuple[str, list[str]] | None:
    """Return the statement, if there is one, that tells consumers of a job in the same message to
    the database as the job's own, behind its commit."""
    broker = get_broker()
    return broker.ring_along(queue) if isinstance(broker, DatabaseBroker) else None


def notify(queue: str, job_id: uuid.UUID) -> None:
    """Tell consumers of a job that has been committed to a queue."""
    get_broker().notify(queue, job_id)


def notify_all(found: Iterable[tuple[str, uuid.UUID]]) -> None:
    """Tell consumers of jobs, by queue and id, that wait by now: due, handed back, let go."""
    broker = get_broker()
    # A message is for one consumer; a broker without messages rings all of them at once.
    lot = found if broker.takes_messages else dict(found).items()
    for queue, job_id in lot:
        broker.notify(queue, job_id)


def notify_after_commit(found: Iterable[tuple[str, uuid.UUID]]) -> None:
    """Once this transaction is committed, announce jobs by their queue and id."""
    lot = list(found)
    if lot:
        transaction.on_commit(partial(notify_all, lot), using=connection().alias)
