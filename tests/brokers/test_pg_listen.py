"""PostgreSQL's listener: a NOTIFY wakes it, also after its connection was lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from jobs.brokers.wakeup.pg_listen import PgListener, notify
from tests.brokers.servers import address, default_database, postgres_config
from tests.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def listener() -> Iterator[PgListener]:
    with default_database(postgres_config(address("postgres"))):
        listener = PgListener("default")
        yield listener
        listener.close()


def test_a_notify_wakes_it(listener: PgListener) -> None:
    assert listener.wait(5)  # a new connection counts as a notification
    assert not listener.wait(0.01)
    notify(connection, "default")
    assert listener.wait(5)


def test_a_connection_that_the_driver_has_given_up_is_made_anew(listener: PgListener) -> None:
    """The driver says so in an error of its own, before Django can translate it."""
    assert listener.wait(5)
    listener._db.connection.close()
    assert not listener.wait(0.01)
    wait_until(lambda: listener.wait(1), what="a notification from a new connection")
    notify(connection, "default")
    assert listener.wait(5)
