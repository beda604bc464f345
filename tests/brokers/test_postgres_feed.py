"""The results feed on PostgreSQL, where transactions commit out of order and stay open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, connections, transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.api.serializers import job_json, root
from jobs.core.db import run
from jobs.core.states import AttemptOutcome, Status
from jobs.feed import Cursor, FeedClosed, Page, Selection, clock, read_page
from jobs.lifecycle import Claim, Outcome
from jobs.models import FeedClock, Job
from tests.brokers.servers import Setup
from tests.factories import end, make_artifact, make_job, record, take, take_one
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.parametrize(
        "setup", [Setup("postgres", database="postgres").parameter()], indirect=True
    ),
    pytest.mark.usefixtures("setup"),
]


def read(after: Cursor | None = None, expected: int = 0) -> Page:
    """Read a page; if jobs are expected, when they have come.

    The feed of every database of the server waits for what is open in any of them: for what other
    tests do at this moment.
    """

    def page() -> Page | None:
        found = read_page(after, Selection(everyone=True), 1000, None)
        return found if len(found.items) >= expected else None

    return wait_until(page, what=f"{expected} jobs in the feed")


def ids(page: Page) -> list[str]:
    return [json.loads(text)["id"] for text, *_ in page.items]


@contextmanager
def open_transaction() -> Iterator[Any]:
    """Another connection, in a transaction; it is rolled back unless the test commits."""
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        yield other
    finally:
        other.close()


def finish_in(other: Any, claim: Claim) -> None:
    """End a job in another connection's transaction, in a thread, which has counters of its own."""

    def finish() -> list[Outcome]:
        connections["default"] = other
        ended = Outcome(
            claim=claim, outcome=AttemptOutcome.SUCCEEDED, ended_at=timezone.now(), consumer="c"
        )
        return lifecycle.finish([ended])

    other.inc_thread_sharing()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(finish).result(30) == []


def claimed(count: int) -> list[Claim]:
    for _ in range(count):
        record()
    return take(limit=count)


def test_the_feed_is_read_from_postgresql() -> None:
    assert connection.vendor == "postgresql"


def test_two_transactions_that_commit_out_of_order_are_read_once_each() -> None:
    read()
    first, second, third = claimed(3)
    with open_transaction() as one, open_transaction() as two:
        finish_in(one, first)
        finish_in(two, second)
        two.commit()
        early = read()
        assert ids(early) == []  # the first may come, and would come before it
        assert end(third)
        assert ids(read(early.next)) == []
        one.commit()
    late = read(early.next, expected=3)
    assert ids(late) == [str(claim.id) for claim in (first, second, third)]
    assert ids(read(late.next)) == []


def test_a_transaction_that_is_rolled_back_lets_the_others_through() -> None:
    read()
    first, second = claimed(2)
    with open_transaction() as one:
        finish_in(one, first)
        assert end(second)
        early = read()
        assert ids(early) == []
        one.rollback()
    late = read(early.next, expected=1)
    assert ids(late) == [str(second.id)]
    assert end(first)
    assert ids(read(late.next, expected=1)) == [str(first.id)]


def test_many_writers_at_once_and_a_reader_that_follows() -> None:
    """Each transaction ends some jobs; the reader gets each of them once."""
    claims = claimed(200)

    def write(some: list[Claim]) -> None:
        try:
            for claim in some:
                with transaction.atomic():
                    assert end(claim)
        finally:
            connections.close_all()

    found: list[str] = []
    after = None
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, claims[n::4]) for n in range(4)]
        while not all(writer.done() for writer in writers):
            page = read(after)
            found += ids(page)
            after = page.next
        for writer in writers:
            writer.result()
    found += ids(read(after, expected=200 - len(found)))
    assert len(found) == len(set(found)) == 200
    assert ids(read()) == found


def test_who_ended_jobs_before_the_first_reader_came_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a clock a position is a time, which tells nothing of what may still be committed."""
    monkeypatch.setattr(clock, "SETTLE_SECONDS", 0.0)
    FeedClock.objects.all().delete()
    first, second = claimed(2)
    with open_transaction() as one:
        finish_in(one, first)
        with pytest.raises(FeedClosed):
            read()
        assert end(second)  # sees the clock
        with pytest.raises(FeedClosed):
            read()
        one.commit()
    page = read(expected=2)
    assert ids(page) == [str(first.id), str(second.id)]


def test_a_cursor_stays_good_when_the_servers_transaction_numbers_begin_again() -> None:
    """As after a restore into a new server: the clock there is of another run."""
    first, second, third = claimed(3)
    assert end(first)
    page = read(expected=1)
    assert end(second)
    # Another server: numbers a million times as low, and nobody has read the feed there yet.
    FeedClock.objects.update(
        server_started=timezone.now() - timedelta(days=1), base=10**18, is_settled=True
    )
    assert end(third)
    assert ids(read(page.next, expected=2)) == [str(second.id), str(third.id)]
    assert FeedClock.objects.get().base < 10**17


def test_a_clock_never_puts_a_job_before_those_that_are_there() -> None:
    """The machine's clock was an hour ahead when they ended."""
    read()
    job = record()
    assert end(take_one())
    ahead = Job.objects.get(pk=job.pk).feed_position + 3_600_000_000  # type: ignore[operator]
    Job.objects.update(feed_position=ahead)
    FeedClock.objects.all().delete()
    page = read(expected=1)
    later = record()
    assert end(take_one())
    assert ids(page) + ids(read(page.next, expected=1)) == [str(job.pk), str(later.pk)]


def test_a_strangers_open_transaction_is_told_of(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    read()
    [claim] = claimed(1)
    with open_transaction() as stranger:
        run(stranger, "CREATE TEMPORARY TABLE something (x int)", [])
        pid = stranger.connection.info.backend_pid
        assert end(claim)
        assert read().held_back is None  # for a moment that is as it should be
        Job.objects.update(finished_at=timezone.now() - timedelta(seconds=30))
        page = read()
        assert page.items == []
        assert page.held_back is not None
        out = StringIO()
        with pytest.raises(CommandError):
            call_command("doctor", stdout=out, no_color=True)
        assert f"process {pid}" in out.getvalue()
        stranger.rollback()
    page = read(page.next, expected=1)
    assert (ids(page), page.held_back) == ([str(claim.id)], None)


def test_a_reader_in_the_transaction_that_ended_a_job_sees_it() -> None:
    read()
    [claim] = claimed(1)
    with transaction.atomic():
        assert end(claim)
        assert ids(read(expected=1)) == [str(claim.id)]


def make_many() -> None:
    """20,000 copies of the one job that is there."""
    columns = ", ".join(
        str(field.column)
        for field in Job._meta.concrete_fields
        if field.column not in {"id", "feed_position", "task"}
    )
    run(
        connection,
        f"INSERT INTO jobs_job (id, feed_position, task, {columns}) "
        f"SELECT gen_random_uuid(), number, 'testapp.square', {columns} FROM jobs_job, "
        "generate_series(1, 20000) AS number",
        [],
    )
    run(connection, "ANALYZE jobs_job", [])


def noted_plans(seen: list[str]) -> Any:
    """Return a wrapper that notes the plan of each statement that reads by position."""

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "ORDER BY" in sql and "feed_position, id" in sql and not sql.startswith("EXPLAIN"):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}", params)
                seen.append("\n".join(row[0] for row in cursor.fetchall()))
        return execute(sql, params, many, context)

    return explain


def test_a_page_is_read_by_its_index_among_many_jobs() -> None:
    read()
    record()
    assert end(take_one())
    make_many()
    seen: list[str] = []
    # Near the end, so that a small table is not read as a whole.
    place = Cursor(19_500, Cursor.start().job_id, 2**31)
    with connection.execute_wrapper(noted_plans(seen)):
        for selection in (
            Selection(everyone=True),
            Selection(everyone=True, task="testapp.square"),
            Selection(owner_id=1),
        ):
            read_page(place, selection, 100, None)
    assert len(seen) >= 4
    for plan in seen:
        assert "jobs_job_feed" in plan
        assert "Seq Scan" not in plan


def test_few_jobs_among_many_are_read_by_their_own_index() -> None:
    record(task="testapp.rare")
    assert end(take_one())
    make_many()
    plans: list[str] = []
    place = Cursor(1, Cursor.start().job_id, 2**31)
    with connection.execute_wrapper(noted_plans(plans)):
        page = read_page(place, Selection(everyone=True, task="testapp.rare"), 100, None)
    assert len(page.items) == 1
    (plan,) = (one for one in plans if "jobs_job_task" in one)
    assert "Seq Scan" not in plan


def test_the_text_of_a_job_is_the_apis_with_postgresql() -> None:
    """Which leaves out zeros at the end of a time."""
    read()
    whole = timezone.now().replace(microsecond=0)
    made = [
        make_job(
            status=Status.SUCCEEDED,
            feed_position=number,
            created_at=whole - timedelta(days=1),
            started_at=whole + timedelta(microseconds=microseconds),
            kwargs={"é": [1.5, None, 10**20]},
            result=["\U0001f600", {}],
            warnings=["é"],
            progress_done=1.0,
        )
        for number, microseconds in enumerate([0, 1, 120_000, 123_456, 999_990], 1)
    ]
    make_artifact(made[1], "b é.txt")
    make_artifact(made[1], "a.txt")
    found = read_page(None, Selection(everyone=True), 10, root()).items
    for item, job in zip(found, made, strict=True):
        job.refresh_from_db()
        expected = job_json(job, job.artifacts.all())
        assert json.loads(item.text) == json.loads(json.dumps(expected))
