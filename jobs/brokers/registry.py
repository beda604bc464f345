"""Finds the broker of this deployment, by the scheme of ``JOBS["BROKER_URL"]``."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache, partial

from django.core.signals import request_finished
from django.db import transaction

from jobs.brokers.kafka.broker import KafkaBroker
from jobs.brokers.rabbitmq.broker import RabbitBroker
from jobs.brokers.redis.broker import RedisBroker
from jobs.conf import get_conf
from jobs.core.db import connection
from jobs.errors import BrokerError

from .base import Broker, BrokerFactory
from .database import DatabaseBroker

FACTORIES: dict[str, BrokerFactory] = {
    "amqp": RabbitBroker,
    "amqps": RabbitBroker,
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
    """Load and connect the broker's client, now that the first request is answered.

    That takes 0.2 s and more, for which a process's first job would wait. Any earlier, commands
    would do it too, and most of them submit nothing.
    """
    request_finished.disconnect(warm_up)
    with suppress(BrokerError):  # manage.py check reports it, and so does a submission
        get_broker().warm_up()


def notify_after_commit(waiting: Iterable[tuple[str, uuid.UUID]]) -> None:
    """Tell consumers of jobs that wait, once the current transaction is committed, else at once.

    Returns without waiting for a broker; a job whose message is lost is found in the table.

    Args:
        waiting: the queue and the id of each job.

    Raises:
        BrokerError: as ``get_broker``, if there is no transaction.
    """
    pairs = list(waiting)
    if pairs:
        transaction.on_commit(partial(_notify, pairs), using=connection().alias)


_silent = 0


@contextmanager
def silenced() -> Iterator[None]:
    """Notify nobody of a job inside the block: for tests, which run their jobs themselves."""
    global _silent
    _silent += 1
    try:
        yield
    finally:
        _silent -= 1


def _notify(pairs: list[tuple[str, uuid.UUID]]) -> None:
    if _silent:
        return
    broker = get_broker()
    # A message is for one consumer; a broker without messages wakes all of them at once.
    for queue, job_id in pairs if broker.takes_messages else dict(pairs).items():
        broker.notify(queue, job_id)


def notify_statement(queue: str) -> tuple[str, list[str]] | None:
    """Return the SQL, and its parameters, that tells consumers of a job in a queue.

    None if that takes more than a statement: then ``notify_after_commit`` does it.

    Raises:
        BrokerError: as ``get_broker``.
    """
    if _silent:
        return None
    broker = get_broker()
    return broker.notify_statement(queue) if isinstance(broker, DatabaseBroker) else None
