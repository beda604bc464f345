"""The faster replacements for Django's code have the same results."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.core.db import run
from jobs.core.uuid7 import uuid7
from jobs.lifecycle.sql import CONSTANT_COLUMNS, JOB_COLUMNS
from jobs.models import Job
from tests.factories import make_job

pytestmark = pytest.mark.django_db


def test_job_new_equals_djangos_constructor() -> None:
    given = {"id": uuid7(), "args": [], "kwargs": {}, "created_at": timezone.now(), "task": "t"}
    new, made = Job.new(**given), Job(**given)
    for field in Job._meta.concrete_fields:
        assert getattr(new, field.attname) == getattr(made, field.attname), field.name
    assert new._state.adding
    assert new._state.db is None
    assert vars(new).keys() == vars(made).keys()


def test_job_new_sends_signals_to_receivers() -> None:
    received: list[Job] = []

    def listen(instance: Job, **kwargs: object) -> None:
        received.append(instance)

    given = {"id": uuid7(), "args": [], "kwargs": {}, "created_at": timezone.now(), "task": "t"}
    post_init.connect(listen, sender=Job)
    try:
        assert [Job.new(**given)] == received
    finally:
        post_init.disconnect(listen, sender=Job)


def test_the_hot_statements_name_every_column() -> None:
    """A column that may not be NULL and is in neither list would keep every job out."""
    columns = {field.column: field.null for field in Job._meta.concrete_fields}
    named = {*JOB_COLUMNS, *CONSTANT_COLUMNS, "fair_position"}
    assert named <= columns.keys()
    assert all(columns[name] for name in columns.keys() - named)
    for name, value in CONSTANT_COLUMNS.items():
        default = Job._meta.get_field(name).get_default()  # type: ignore[union-attr]
        assert {"''": "", "0": 0, "1": 1, "FALSE": False}[value] == default, name


def test_a_hot_statement_has_the_same_result_with_and_without_djangos_cursor() -> None:
    make_job(task="here")
    statement, parameters = "SELECT task, attempt FROM jobs_job WHERE task = %s", ["here"]
    alone = run(connection, statement, parameters)
    with CaptureQueriesContext(connection) as queries:
        assert run(connection, statement, parameters) == alone == [("here", 0)]
    assert len(queries) == 1
    with pytest.raises(DatabaseError):
        run(connection, "SELECT nonsense", [])
