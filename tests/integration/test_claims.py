"""Claims: their order, which consumer may claim, and that each job is claimed once."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.core.db import as_time
from jobs.core.states import AttemptOutcome, Status
from jobs.core.uuid7 import uuid7
from jobs.lifecycle import Claim
from jobs.models import Consumer, Job
from tests.factories import (
    end,
    make_consumer,
    make_job,
    make_user,
    record,
    take,
    take_all,
    take_one,
)
from tests.threads import in_threads

ALL_AT_ONCE = 400
THREADS = 8


@pytest.mark.django_db
class TestOrder:
    """By priority, then by fair position, then first come."""

    def test_higher_priority_first_then_first_come(self) -> None:
        low, first, second, high = (record(priority=p) for p in (-1, 0, 0, 5))
        order = [claim.id for claim in take_all()]
        assert order == [high.pk, first.pk, second.pk, low.pk]

    def test_a_thousand_jobs_of_one_owner_do_not_starve_another(self) -> None:
        ada, bob = make_user("ada"), make_user("bob")
        for _ in range(50):
            record(owner=ada)
        late = record(owner=bob)
        later = record(owner=bob)
        order = [claim.id for claim in take_all()]
        assert order.index(late.pk) <= 1
        assert order.index(later.pk) <= 3

    def test_several_at_once_come_in_the_same_order(self) -> None:
        ada, bob = make_user("ada"), make_user("bob")
        for owner in (ada, ada, bob, ada):
            record(owner=owner)
        record(owner=bob, priority=1)
        owners = [claim.owner_id for claim in take(limit=9)]
        assert owners == [bob.pk, ada.pk, bob.pk, ada.pk, ada.pk]

    def test_a_new_owner_starts_at_the_lowest_queued_position(self) -> None:
        ada, bob = make_user("ada"), make_user("bob")
        for _ in range(20):
            record(owner=ada)
        take(limit=10)
        many = [record(owner=bob) for _ in range(10)]
        owners = [claim.owner_id for claim in take_all()]
        # Neither before Ada's next job, nor all of them first because Bob was idle so far.
        assert Counter(owners[:10]) == {ada.pk: 5, bob.pk: 5}
        assert len(many) == 10

    def test_jobs_without_an_owner_take_turns_as_one_owner(self) -> None:
        ada = make_user("ada")
        for _ in range(10):
            record()
        hers = record(owner=ada)
        order = [claim.id for claim in take_all()]
        assert order.index(hers.pk) <= 1

    def test_each_priority_and_queue_has_its_own_positions(self) -> None:
        for _ in range(5):
            record(priority=1)
            record(queue="mail")
        assert record().fair_position == 0
        assert record(priority=1).fair_position == 5
        assert record(queue="mail").fair_position == 5


@pytest.mark.django_db
class TestConditions:
    """Only a living consumer can claim, only from a queue that is not paused, only queued jobs."""

    def test_what_a_claim_carries(self) -> None:
        ada = make_user()
        job = record(owner=ada, kwargs={"n": 3}, timeout=9.5, max_attempts=4, error_type="Old")
        consumer = make_consumer()
        now = timezone.now()
        (claim,) = take(consumer=consumer.pk, now=now)
        assert (claim.id, claim.task, claim.queue, claim.owner_id) == (
            *(job.pk, "testapp.square", "default", ada.pk),
        )
        assert (claim.kwargs, claim.args) == ({"n": 3}, [])
        assert (claim.attempt, claim.failures, claim.lost_count) == (1, 0, 0)
        assert (claim.max_attempts, claim.timeout, claim.started_at) == (4, 9.5, now)
        job.refresh_from_db()
        assert (job.status, job.consumer_id, job.attempt) == (Status.RUNNING, consumer.pk, 1)
        assert (job.started_at, job.version, job.error_type) == (now, 2, "")

    def test_a_claim_comes_to_a_child_process_as_it_was(self) -> None:
        record(kwargs={"n": 3}, run_after=timezone.now() - timedelta(minutes=1), max_attempts=4)
        claim = take_one()
        sent = json.loads(json.dumps(claim.to_json()))
        received = Claim.from_json(sent)
        assert (received.id, received.started_at) == (claim.id, claim.started_at)
        assert received.to_json() == sent
        assert replace(received, run_after=None, created_at=None) == replace(
            claim, run_after=None, created_at=None
        )
        assert as_time(received.run_after) == as_time(claim.run_after)

    def test_no_more_jobs_are_claimed_than_asked_for(self) -> None:
        for _ in range(5):
            record()
        assert len(take(limit=3)) == 3
        assert len(take(limit=3)) == 2
        assert take(limit=3) == []
        assert take(limit=0) == []

    def test_other_queues_are_left_alone(self) -> None:
        record(queue="mail")
        assert take() == []
        assert not lifecycle.has_waiting("default")
        assert lifecycle.has_waiting("mail")

    def test_the_queues_in_which_jobs_wait(self) -> None:
        record(queue="mail")
        record(queue="mail")
        make_job(queue="other", status=Status.RUNNING)
        assert lifecycle.waiting_queues() == {"mail"}

    @pytest.mark.parametrize("status", [status for status in Status if status != Status.QUEUED])
    def test_only_queued_jobs_are_claimed(self, status: Status) -> None:
        make_job(status=status)
        assert not lifecycle.has_waiting("default")
        assert take() == []

    def test_nothing_is_claimed_from_a_paused_queue_until_it_is_resumed(self) -> None:
        record()
        lifecycle.set_paused("default", True)
        assert take() == []
        lifecycle.set_paused("default", False)
        assert len(take()) == 1

    def test_a_consumer_that_was_marked_dead_claims_nothing(self) -> None:
        record()
        consumer = make_consumer()
        assert lifecycle.mark_dead(consumer.pk)
        assert take(consumer=consumer.pk) == []
        assert not lifecycle.heartbeat(consumer.pk)

    def test_an_unknown_consumer_claims_nothing(self) -> None:
        record()
        assert take(consumer=uuid7()) == []


@pytest.mark.django_db(transaction=True)
def test_no_job_is_claimed_twice() -> None:
    """Many connections at once, several jobs a time: each job is claimed by one of them."""
    for _ in range(ALL_AT_ONCE):
        record()
    consumers = [make_consumer().pk for _ in range(THREADS)]

    def work(number: int) -> list[uuid.UUID]:
        mine: list[uuid.UUID] = []
        while some := take(limit=3, consumer=consumers[number]):
            mine += [claim.id for claim in some]
        return mine

    taken = [job for mine in in_threads(THREADS, work) for job in mine]
    assert len(taken) == ALL_AT_ONCE
    assert set(taken) == set(Job.objects.values_list("pk", flat=True))
    assert set(Job.objects.values_list("attempt", flat=True)) == {1}


@pytest.mark.django_db
class TestConsumers:
    """Registration, heartbeats, and marking a consumer dead by the heartbeat last seen."""

    def test_a_consumer_registers_and_deregisters(self) -> None:
        me = lifecycle.register("host", 12, {"b", "a"}, 3)
        row = Consumer.objects.get(pk=me)
        assert (row.host, row.pid, row.queues, row.concurrency) == ("host", 12, ["a", "b"], 3)
        assert (row.heartbeat, row.dead_at) == (0, None)
        lifecycle.deregister(me)
        assert not Consumer.objects.exists()

    def test_a_consumer_that_begins_anew_needs_another_id(self) -> None:
        me = lifecycle.register("host", 12, ["a"], 3, uuid7())
        with pytest.raises(IntegrityError), transaction.atomic():
            lifecycle.register("other", 13, ["a"], 3, me)

    def test_a_consumer_may_serve_other_queues_later(self) -> None:
        me, other = make_consumer(["b"]).pk, make_consumer(["b"]).pk
        lifecycle.serve_queues(me, {"c", "a"})
        assert Consumer.objects.get(pk=me).queues == ["a", "c"]
        assert Consumer.objects.get(pk=other).queues == ["b"]

    def test_a_heartbeat_is_counted_with_its_time(self) -> None:
        me = make_consumer(heartbeat_at=timezone.now() - timedelta(days=1)).pk
        assert lifecycle.heartbeat(me)
        row = Consumer.objects.get(pk=me)
        assert row.heartbeat == 1
        assert timezone.now() - row.heartbeat_at < timedelta(minutes=1)

    def test_a_consumer_with_a_newer_heartbeat_is_not_marked_dead(self) -> None:
        other = make_consumer().pk
        lifecycle.heartbeat(other)
        assert not lifecycle.mark_dead(other, 0)
        assert lifecycle.mark_dead(other, 1)
        assert not lifecycle.mark_dead(other, 1)

    def test_a_heartbeat_of_a_dead_consumer_returns_false(self) -> None:
        other = make_consumer().pk
        lifecycle.mark_dead(other)
        assert not lifecycle.heartbeat(other)


@pytest.mark.django_db
class TestRescue:
    """The jobs of a dead consumer run again, without counting as failures."""

    def test_consumers_that_are_dead_or_deleted_leave_orphans(self) -> None:
        living, dead, gone = (make_consumer().pk for _ in range(3))
        for consumer in (living, dead, gone):
            record()
            take_one(consumer=consumer)
        assert lifecycle.orphaned_consumers() == set()
        lifecycle.mark_dead(dead)
        lifecycle.deregister(gone)
        assert lifecycle.orphaned_consumers() == {dead, gone}

    def test_a_running_job_without_a_consumer_is_an_orphan_too(self) -> None:
        job = make_job(status=Status.RUNNING, consumer_id=None)
        Job.objects.filter(pk=job.pk).update(consumer_id=None)
        assert lifecycle.orphaned_consumers() == {None}
        with transaction.atomic():
            assert len(lifecycle.rescue_jobs(None)) == 1
        job.refresh_from_db()
        assert job.status == Status.QUEUED

    def test_rescued_jobs_keep_their_position(self) -> None:
        dead = make_consumer().pk
        first, second = record(), record()
        take_one(consumer=dead)
        lifecycle.mark_dead(dead)
        with transaction.atomic():
            assert len(lifecycle.rescue_jobs(dead)) == 1
            assert lifecycle.rescue_jobs(dead) == []
        first.refresh_from_db()
        assert (first.status, first.attempt, first.failures) == (Status.QUEUED, 1, 0)
        assert (first.lost_count, first.consumer_id, first.error_type) == (1, None, "")
        attempt = first.attempts.get()
        assert attempt.started_at == first.started_at != first.created_at
        assert (attempt.number, attempt.outcome, attempt.consumer) == (
            1,
            AttemptOutcome.LOST,
            "here:7",
        )
        assert [claim.id for claim in take(limit=2)] == [first.pk, second.pk]

    def test_of_a_living_consumer_only_what_it_does_not_know_is_released(self) -> None:
        consumer = make_consumer().pk
        known, unknown = record(), record()
        claims = take(limit=2, consumer=consumer)
        held = {(claim.id, claim.attempt) for claim in claims if claim.id == known.pk}
        (released,) = lifecycle.release_unconfirmed(consumer, held)
        assert released.claim.id == unknown.pk
        known.refresh_from_db()
        unknown.refresh_from_db()
        assert (known.status, known.consumer_id) == (Status.RUNNING, consumer)
        assert (unknown.status, unknown.consumer_id) == (Status.QUEUED, None)
        assert unknown.failures == unknown.lost_count == 0

    def test_a_job_that_was_to_be_cancelled_is_cancelled_instead(self) -> None:
        dead = make_consumer().pk
        job = record()
        take_one(consumer=dead)
        lifecycle.cancel_job(job.pk, "ada")
        lifecycle.mark_dead(dead)
        with transaction.atomic():
            lifecycle.rescue_jobs(dead)
        job.refresh_from_db()
        assert (job.status, job.error_message) == (Status.CANCELLED, "cancelled by ada")

    def test_a_loss_is_counted_for_the_next_claim(self) -> None:
        for losses in range(3):
            consumer = make_consumer().pk
            if not losses:
                record()
            assert take_one(consumer=consumer).lost_count == losses
            lifecycle.mark_dead(consumer)
            with transaction.atomic():
                lifecycle.rescue_jobs(consumer)

    def test_the_lost_attempt_cannot_finish_any_more(self) -> None:
        dead = make_consumer().pk
        job = record()
        old = take_one(consumer=dead)
        lifecycle.mark_dead(dead)
        with transaction.atomic():
            lifecycle.rescue_jobs(dead)
        assert not end(old, result="late")
        new = take_one()
        assert not end(old, result="late")
        assert end(new, result="in time")
        job.refresh_from_db()
        assert job.result == "in time"
