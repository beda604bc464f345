"""What is counted of the jobs that end: each once, whoever writes the end, and nothing is lost."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.core.db import write_transaction
from jobs.core.states import AttemptOutcome, Status
from jobs.lifecycle import Claim, Outcome, counter_folding, counters, fold_counters
from jobs.models import Attempt, Counter, Job
from jobs.models.counter import RUN, WAIT
from jobs.queries.counters import TaskCounts, task_counts
from tests.factories import end, make_job, record, take, take_one

pytestmark = pytest.mark.django_db
TASK = "testapp.square"


@pytest.fixture(autouse=True)
def no_pair_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "_known", set())


def counts(task: str = TASK, queue: str = "default") -> TaskCounts:
    (found,) = (one for one in task_counts() if (one.task, one.queue) == (task, queue))
    return found


def jobs(task: str = TASK, queue: str = "default") -> dict[str, int]:
    """The jobs that have ended, by status, without zeros."""
    return {status.value: n for status, n in counts(task, queue).jobs().items() if n}


def attempts() -> dict[str, int]:
    return {outcome.name: n for outcome, n in counts().attempts().items() if n}


def claimed(**fields: Any) -> Claim:
    record(**fields)
    return take_one()


def test_a_task_in_the_code_begins_with_zeros() -> None:
    assert (jobs(), attempts(), counts().retried()) == ({}, {}, 0)
    assert counts().histogram(RUN).cumulative == [0] * 12


def test_each_outcome_is_counted_with_the_status_that_it_leads_to() -> None:
    end(claimed(), AttemptOutcome.SUCCEEDED)
    end(claimed(max_attempts=1), AttemptOutcome.FAILED)
    end(claimed(max_attempts=1), AttemptOutcome.TIMED_OUT)
    end(claimed(), AttemptOutcome.DIED, final=True)
    end(claimed(), AttemptOutcome.CANCELLED)
    assert jobs() == {"succeeded": 1, "failed": 3, "cancelled": 1}
    assert attempts() == {"SUCCEEDED": 1, "FAILED": 1, "TIMED_OUT": 1, "DIED": 1, "CANCELLED": 1}
    assert counts().retried() == 0


def test_attempts_that_do_not_end_their_job_are_counted_as_such() -> None:
    end(claimed(), AttemptOutcome.FAILED)
    end(claimed(), AttemptOutcome.RELEASED, pause=60.0)
    end(claimed(), AttemptOutcome.LOST, pause=60.0)
    assert jobs() == {}
    assert attempts() == {"FAILED": 1, "RELEASED": 1, "LOST": 1}
    assert counts().retried() == 1


def test_a_cancel_that_was_requested_counts_as_cancelled() -> None:
    claim = claimed()
    lifecycle.cancel_job(claim.id, "ada")
    end(claim, AttemptOutcome.FAILED)
    assert (jobs(), attempts(), counts().retried()) == ({"cancelled": 1}, {"FAILED": 1}, 0)


def test_a_job_that_is_cancelled_while_it_waits_is_counted_without_an_attempt() -> None:
    for job in (record(), make_job(status=Status.SCHEDULED), record(queue="mail")):
        lifecycle.cancel_job(job.pk, "ada")
        lifecycle.cancel_job(job.pk, "ada")
    assert (jobs(), attempts()) == ({"cancelled": 2}, {})
    assert jobs(queue="mail") == {"cancelled": 1}


def test_an_outcome_that_came_too_late_is_not_counted() -> None:
    late, other = claimed(), claimed()
    end(late)
    now = timezone.now()
    with transaction.atomic():
        again = [
            Outcome(claim=claim, outcome=AttemptOutcome.SUCCEEDED, ended_at=now)
            for claim in (late, other)
        ]
        assert lifecycle.finish(again) == [again[0]]
    assert jobs() == {"succeeded": 2}


def test_lost_jobs_are_counted_by_whoever_rescues_them() -> None:
    claim = claimed()
    consumer = Job.objects.get(pk=claim.id).consumer_id
    with transaction.atomic():
        lifecycle.rescue_jobs(consumer)
        lifecycle.rescue_jobs(consumer)
    assert (jobs(), attempts()) == ({}, {"LOST": 1})


def test_counts_are_rolled_back_with_the_outcomes() -> None:
    claim = claimed()
    with pytest.raises(DatabaseError, match="away"), transaction.atomic():  # noqa: PT012
        end(claim)
        raise DatabaseError("away")
    assert jobs() == {}
    end(claim)
    assert jobs() == {"succeeded": 1}


def test_a_batch_is_counted_by_task_and_queue() -> None:
    for task, queue in ((TASK, "default"), ("testapp.other", "default"), (TASK, "mail")):
        for _ in range(3):
            record(task=task, queue=queue)
    claims = take("default", 9) + take("mail", 9)
    with transaction.atomic():
        lifecycle.finish(
            Outcome(claim=claim, outcome=AttemptOutcome.SUCCEEDED, ended_at=timezone.now())
            for claim in claims
        )
    assert jobs() == jobs("testapp.other") == jobs(queue="mail") == {"succeeded": 3}


def test_the_counts_agree_with_the_rows_and_stay_when_these_are_pruned() -> None:
    for outcome in (AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED):
        end(claimed(max_attempts=1), outcome)
    assert sum(jobs().values()) == Attempt.objects.count() == 2
    Job.objects.update(finished_at=timezone.now() - timedelta(days=400))
    assert lifecycle.prune_chunk(timezone.now()) == 2
    assert (Job.objects.count(), jobs()) == (0, {"succeeded": 1, "failed": 1})


def test_the_time_of_a_run_is_counted_where_it_began() -> None:
    end(claimed(), seconds=0.01)
    end(claimed(), seconds=0.011)
    end(claimed(), seconds=9000.0)
    end(claimed(), AttemptOutcome.RELEASED, seconds=None, pause=60.0)
    runs = counts().histogram(RUN)
    assert runs.cumulative == [1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3]
    assert runs.seconds == pytest.approx(9000.021)


@pytest.mark.parametrize(
    ("created", "due", "waited"),
    [
        (timedelta(seconds=10), None, 8.0),
        (timedelta(seconds=10), timedelta(seconds=5), 3.0),
        (timedelta(seconds=10), timedelta(seconds=20), 8.0),
        (-timedelta(seconds=10), None, 0.0),  # the submitter's clock is ahead
    ],
)
def test_a_job_waits_from_when_it_could_have_been_taken(
    created: timedelta, due: timedelta | None, waited: float
) -> None:
    now = timezone.now()
    record(created_at=now - created, run_after=None if due is None else now - due)
    lifecycle.promote_due(now)
    claim = take_one()
    end(claim, ended_at=now, seconds=2.0)
    waits = counts().histogram(WAIT)
    assert waits.seconds == pytest.approx(waited)
    assert waits.cumulative[-1] == 1


def test_a_claim_that_does_not_say_since_when_it_waits_has_not_waited() -> None:
    end(replace(claimed(), created_at=None), seconds=0.5)
    assert counts().histogram(WAIT).seconds == 0.0


def test_a_wait_is_counted_for_the_first_attempt() -> None:
    job = record()
    end(take_one(), AttemptOutcome.FAILED, seconds=0.1)
    lifecycle.promote_due(timezone.now() + timedelta(days=1))
    end(take_one(), AttemptOutcome.SUCCEEDED, seconds=0.1)
    assert Job.objects.get(pk=job.pk).attempt == 2
    assert counts().histogram(WAIT).cumulative[-1] == 1
    assert counts().histogram(RUN).cumulative[-1] == 2


def test_counting_adapts_no_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """That takes 4 microseconds: as long as all else of a batch's counting."""
    record()
    ended = Outcome(claim=take_one(), outcome=AttemptOutcome.SUCCEEDED, ended_at=timezone.now())
    adapted: list[datetime] = []
    adapt = connection.ops.adapt_datetimefield_value

    def note(value: datetime) -> Any:
        adapted.append(value)
        return adapt(value)

    monkeypatch.setattr(connection.ops, "adapt_datetimefield_value", note)
    lifecycle.prepare_outcomes([ended])
    assert adapted == [ended.ended_at, ended.claim.started_at]


def test_threads_write_to_rows_of_their_own() -> None:
    found: set[str] = set()

    def add() -> None:
        found.add(str(counters._shard.id))

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
        thread.join()
    add()
    add()
    assert len(found) == 4


def count_in_shards(number: int, task: str = TASK) -> None:
    """One job in each of so many shards, the last of which has been quiet for the longest."""
    for _ in range(number):
        counters._shard.id = uuid4()
        record(task=task)
        end(take_one(), seconds=0.02)


def later() -> datetime:
    return timezone.now() + counter_folding.QUIET + timedelta(seconds=1)


def test_what_quiet_shards_have_counted_is_folded() -> None:
    count_in_shards(3)
    before = counts()
    assert fold_counters(timezone.now()) == 0
    assert Counter.objects.count() == 3
    assert fold_counters(later()) == 3
    assert Counter.objects.get().shard == counter_folding.FOLDED
    assert counts() == before
    count_in_shards(2)
    assert fold_counters(later()) == 2
    assert fold_counters(later()) == 0
    assert (Counter.objects.count(), jobs()) == (1, {"succeeded": 5})


def test_a_thread_that_was_folded_begins_anew() -> None:
    end(claimed())
    fold_counters(later())
    end(claimed())
    assert (Counter.objects.count(), jobs()) == (2, {"succeeded": 2})


@pytest.fixture
def two_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "MOST_PAIRS", 2)
    monkeypatch.setattr(counter_folding, "MOST_PAIRS", 2)


def test_a_process_tells_so_many_pairs_apart_and_no_more(two_pairs: None) -> None:
    for number in range(4):
        end(claimed(task=f"t{number}"))
    assert jobs(*counters.OTHER) == {"succeeded": 2}
    assert Counter.objects.count() == 3


def test_so_many_pairs_are_kept_and_no_more(two_pairs: None, monkeypatch: Any) -> None:
    for number in range(4):
        monkeypatch.setattr(counters, "_known", set())
        count_in_shards(1, f"t{number}")
        fold_counters(later())
    assert jobs(*counters.OTHER) == {"succeeded": 2}
    assert [jobs(f"t{number}") for number in range(2)] == [{"succeeded": 1}] * 2
    assert Counter.objects.count() == 3


def test_one_fold_keeps_no_more_pairs_either(two_pairs: None, monkeypatch: Any) -> None:
    for number in range(4):
        monkeypatch.setattr(counters, "_known", set())
        count_in_shards(1, f"t{number}")
    assert fold_counters(later()) == 4
    assert jobs(*counters.OTHER) == {"succeeded": 2}
    assert Counter.objects.count() == 3


def test_what_another_process_folds_at_the_same_time_is_folded_once(monkeypatch: Any) -> None:
    count_in_shards(2)

    def late() -> Any:
        monkeypatch.setattr(counter_folding, "write_transaction", write_transaction)
        assert fold_counters(later()) == 2
        return write_transaction()

    monkeypatch.setattr(counter_folding, "write_transaction", late)
    assert fold_counters(later()) == 0
    assert (Counter.objects.count(), jobs()) == (1, {"succeeded": 2})


def test_a_fold_that_fails_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    count_in_shards(2)

    def away(*_: Any) -> Any:
        raise DatabaseError("away")

    monkeypatch.setattr(counter_folding, "add_counts", away)
    with pytest.raises(DatabaseError, match="away"):
        fold_counters(later())
    assert (Counter.objects.count(), jobs()) == (2, {"succeeded": 2})
