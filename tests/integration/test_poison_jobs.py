"""Jobs lost again and again: free at first, then with pauses, then the poison job is charged."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.core.backoff import BASE
from jobs.core.states import AttemptOutcome, Status
from jobs.lifecycle.poison_jobs import (
    FREE_LOSSES,
    MAX_DOUBLINGS,
    PROMPT_LOSSES,
    find_poison_job,
)
from jobs.models import Attempt, Job
from tests.factories import end, make_consumer, make_job, record, take_one

pytestmark = pytest.mark.django_db


def lose(*jobs: Job) -> None:
    """Run only these jobs on a consumer that dies."""
    consumer = make_consumer().pk
    run(consumer, *jobs)
    lifecycle.mark_dead(consumer)
    with transaction.atomic():
        assert len(lifecycle.rescue_jobs(consumer)) == len(jobs)
    for job in jobs:
        job.refresh_from_db()


def run(consumer: object, *jobs: Job) -> None:
    names = [job.pk for job in jobs]
    changed = Job.objects.filter(pk__in=names).update(
        status=Status.RUNNING, consumer_id=consumer, started_at=timezone.now(), run_after=None
    )
    assert changed == len(jobs)
    for job in jobs:
        Job.objects.filter(pk=job.pk).update(attempt=job.attempt + 1)


def lose_often(times: int, *jobs: Job) -> None:
    for _ in range(times):
        lose(*jobs)


def last_ending(job: Job) -> str:
    return str(job.attempts.order_by("-number").values_list("outcome", flat=True)[0])


def pause_of(job: Job, before: datetime) -> timedelta:
    assert job.run_after is not None
    return job.run_after - before


def test_a_job_runs_again_at_once_after_the_first_losses() -> None:
    job = record()
    lose_often(PROMPT_LOSSES, job)
    assert (job.status, job.failures, job.lost_count) == (Status.QUEUED, 0, PROMPT_LOSSES)


def test_further_losses_are_free_with_a_longer_pause_each_time() -> None:
    job = record()
    lose_often(PROMPT_LOSSES, job)
    for doubled in range(FREE_LOSSES - PROMPT_LOSSES):
        before = timezone.now()
        lose(job)
        whole = timedelta(seconds=BASE * 2 ** min(doubled, MAX_DOUBLINGS - 1))
        assert whole / 2 <= pause_of(job, before) <= whole + (timezone.now() - before)
        assert (job.status, job.failures) == (Status.SCHEDULED, 0)
        assert (last_ending(job), job.error_type) == (AttemptOutcome.LOST, "")


def test_every_loss_after_the_free_ones_counts_until_the_job_fails() -> None:
    job = record(max_attempts=2)
    lose_often(FREE_LOSSES, job)
    lose(job)
    assert (job.status, job.failures) == (Status.SCHEDULED, 1)
    lose(job)
    assert (job.status, job.failures, job.lost_count) == (Status.FAILED, 2, FREE_LOSSES)
    assert job.error_type == "WorkerDied"
    assert job.error_message == (
        "the worker process was lost whenever this ran, more than 10 times in a row"
    )
    attempt = job.attempts.order_by("-number")[0]
    assert (attempt.number, attempt.outcome) == (FREE_LOSSES + 2, AttemptOutcome.DIED)
    assert (attempt.error_type, attempt.message) == (job.error_type, job.error_message)


def test_only_the_job_that_was_lost_each_time_is_charged() -> None:
    killer, innocent = record(max_attempts=1), record(max_attempts=1)
    lose(killer)
    lose_often(FREE_LOSSES, killer, innocent)
    assert (killer.status, innocent.status) == (Status.FAILED, Status.SCHEDULED)
    assert (innocent.failures, innocent.lost_count) == (0, FREE_LOSSES)


def test_of_two_jobs_always_lost_together_neither_is_charged() -> None:
    pair = [record(max_attempts=1), record(max_attempts=1)]
    lose_often(FREE_LOSSES + 3, *pair)
    assert {job.failures for job in pair} == {0}
    lose(pair[0])
    assert [job.status for job in pair] == [Status.FAILED, Status.SCHEDULED]


def test_losses_that_were_charged_count_as_losses() -> None:
    charged = make_job(status=Status.RUNNING, lost_count=FREE_LOSSES, failures=2)
    other = make_job(status=Status.RUNNING, lost_count=FREE_LOSSES + 1)
    for job in (charged, other):
        for number in range(FREE_LOSSES + 2):
            Attempt.objects.create(
                job=job, number=number, ended_at=timezone.now(), outcome=AttemptOutcome.LOST
            )
    assert find_poison_job([other, charged]) == charged


def test_an_attempt_that_ended_by_itself_restarts_the_count() -> None:
    job = record(max_attempts=9)
    lose_often(FREE_LOSSES - 1, job)
    Job.objects.filter(pk=job.pk).update(status=Status.QUEUED, run_after=None)
    end(take_one(), AttemptOutcome.FAILED, error_type="E")
    job.refresh_from_db()
    lose_often(FREE_LOSSES - 1, job)
    assert (job.failures, last_ending(job)) == (1, AttemptOutcome.LOST)
    lose_often(2, job)
    assert (job.failures, last_ending(job)) == (2, AttemptOutcome.DIED)


def test_a_released_attempt_does_not_restart_the_count() -> None:
    job = record(max_attempts=1)
    lose_often(FREE_LOSSES, job)
    Job.objects.filter(pk=job.pk).update(status=Status.QUEUED, run_after=None)
    end(take_one(), AttemptOutcome.RELEASED)
    job.refresh_from_db()
    lose(job)
    assert job.status == Status.FAILED


def test_a_retry_restarts_the_count() -> None:
    job = record(max_attempts=1)
    lose_often(FREE_LOSSES + 1, job)
    lifecycle.requeue_job(job)
    job.refresh_from_db()
    lose_often(FREE_LOSSES, job)
    assert (job.failures, job.lost_count) == (0, FREE_LOSSES)
    lose(job)
    assert job.status == Status.FAILED
