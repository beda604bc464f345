"""PostgreSQL's bell, when its connection is lost in the middle of anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from jobs.brokers.wakeup.pg_listen import PgListener, notify
from tests.brokers.servers import address, default_database, postgres_config
from tests.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def bell() -> Iterator[PgListener]:
    with default_database(postgres_config(address("postgres"))):
        bell = PgListener("default")
        yield bell
        bell.close()


def test_it_rings_for_a_notify(bell: PgListener) -> None:
    assert bell.wait(5)  # connecting rings
    assert not bell.wait(0.01)
    notify(connection, "default")
    assert bell.wait(5)


def test_a_connection_that_the_driver_has_given_up_is_made_anew(bell: PgListener) -> None:
    """The driver says so in an error of its own, before Django can translate it."""
    assert bell.wait(5)
    bell._db.connection.close()
    assert not bell.wait(0.01)
    wait_until(lambda: bell.wait(1), what="a ring from a new connection")
    notify(connection, "default")
    assert bell.wait(5)
