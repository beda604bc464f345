"""Scheduled jobs are queued when they are due."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.core.states import Status
from jobs.models import Job
from tests.factories import make_job, make_user, record, take_all
from tests.threads import in_threads


@pytest.mark.django_db
class TestPromote:
    """They get a fair position then."""

    def test_only_what_is_due_is_queued(self) -> None:
        now = timezone.now()
        due = make_job(status=Status.SCHEDULED, run_after=now)
        later = make_job(status=Status.SCHEDULED, run_after=now + timedelta(seconds=1))
        assert lifecycle.next_due() == now
        assert lifecycle.promote_due(now) == 1
        due.refresh_from_db()
        later.refresh_from_db()
        assert (due.status, later.status) == (Status.QUEUED, Status.SCHEDULED)
        assert due.version == 2
        assert lifecycle.next_due() == later.run_after
        assert lifecycle.promote_due(now) == 0

    def test_nothing_is_due_when_nothing_is_scheduled(self) -> None:
        make_job()
        assert lifecycle.next_due() is None
        assert lifecycle.promote_due(timezone.now()) == 0

    def test_owners_take_turns(self) -> None:
        ada, bob = make_user("ada"), make_user("bob")
        now = timezone.now()
        past = now - timedelta(minutes=1)
        adas = [make_job(status=Status.SCHEDULED, run_after=past, owner=ada) for _ in range(4)]
        bobs = [record(owner=bob) for _ in range(4)]
        assert lifecycle.promote_due(now) == 4
        order = [claim.owner_id for claim in take_all()]
        assert {order[0], order[1]} == {order[2], order[3]} == {ada.pk, bob.pk}
        assert len(adas) == len(bobs)

    def test_the_jobs_of_one_owner_get_positions_one_after_the_other(self) -> None:
        ada, now = make_user("ada"), timezone.now()
        assert [record(owner=ada).fair_position for _ in range(2)] == [0, 1]
        jobs = [
            make_job(status=Status.SCHEDULED, run_after=now - timedelta(seconds=age), owner=ada)
            for age in (3, 2, 1)
        ]
        assert lifecycle.promote_due(now) == 3
        for job in jobs:
            job.refresh_from_db()
        assert [job.fair_position for job in jobs] == [2, 3, 4]

    def test_those_that_came_due_first_go_first(self) -> None:
        now = timezone.now()
        second, first = (
            make_job(status=Status.SCHEDULED, run_after=now - timedelta(seconds=age))
            for age in (1, 2)
        )
        lifecycle.promote_due(now)
        assert [claim.id for claim in take_all()] == [first.pk, second.pk]

    def test_one_that_is_cancelled_meanwhile_stays_cancelled(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from jobs.lifecycle import promote

        now = timezone.now()
        job = make_job(status=Status.SCHEDULED, run_after=now)

        def cancelled_first(found: Job) -> int:
            lifecycle.cancel_job(found.pk, "ada")
            return 0

        monkeypatch.setattr(promote, "next_fair_position", cancelled_first)
        assert lifecycle.promote_due(now) == 0
        job.refresh_from_db()
        assert job.status == Status.CANCELLED

    def test_one_chunk_is_promoted_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from jobs.lifecycle import promote

        monkeypatch.setattr(promote, "CHUNK", 2)
        now = timezone.now()
        for _ in range(3):
            make_job(status=Status.SCHEDULED, run_after=now)
        assert [lifecycle.promote_due(now) for _ in range(3)] == [2, 1, 0]


@pytest.mark.django_db(transaction=True)
def test_a_job_is_promoted_once() -> None:
    now = timezone.now()
    for _ in range(20):
        make_job(status=Status.SCHEDULED, run_after=now)

    def work(number: int) -> int:
        with transaction.atomic():
            return lifecycle.promote_due(now)

    assert sum(in_threads(4, work)) == 20
    assert set(Job.objects.values_list("version", flat=True)) == {2}
