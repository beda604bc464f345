"""The same request twice: ``Idempotency-Key`` and ``unique_key``, also from many at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.core.states import FINAL, AttemptOutcome, Status
from jobs.core.uuid7 import uuid7
from jobs.errors import IdempotencyConflict
from jobs.lifecycle import Outcome
from jobs.models import Job
from jobs.submission import SubmitOptions, submit_job
from tests.factories import end, make_user, take_one
from tests.threads import in_threads

SQUARE = "testapp.square"
MANY = 50


def submit(owner: User | None = None, **options: Any) -> tuple[Job, bool]:
    submitted = submit_job(SQUARE, {"n": 7}, owner=owner, options=SubmitOptions(**options))
    return submitted.job, submitted.created


@pytest.mark.django_db
class TestIdempotencyKey:
    """One key, one job: per owner, for as long as the job is kept."""

    def test_a_repeat_gets_the_first_job(self, ada: User) -> None:
        first, created = submit(ada, idempotency_key="k", request_digest="d")
        again, created_again = submit(ada, idempotency_key="k", request_digest="d")
        assert (created, created_again) == (True, False)
        assert again.pk == first.pk

    def test_a_repeat_gets_it_whatever_became_of_the_task(self, ada: User) -> None:
        options = SubmitOptions(idempotency_key="k", request_digest="d")
        first = submit_job(SQUARE, {"n": 7}, owner=ada, options=options)
        again = submit_job("gone.task", {"m": 7}, owner=ada, options=options, enforce_limits=True)
        assert (again.job, again.created) == (first.job, False)

    def test_another_request_with_the_key_is_a_conflict(self, ada: User) -> None:
        submit(ada, idempotency_key="k", request_digest="d")
        with pytest.raises(IdempotencyConflict):
            submit(ada, idempotency_key="k", request_digest="e")
        assert Job.objects.count() == 1

    def test_each_owner_has_their_own_keys(self, ada: User, bob: User) -> None:
        assert submit(ada, idempotency_key="k")[1]
        assert submit(bob, idempotency_key="k")[1]

    def test_a_finished_job_is_still_returned(self, ada: User) -> None:
        first, _ = submit(ada, idempotency_key="k")
        end(take_one())
        assert submit(ada, idempotency_key="k") == (first, False)

    def test_a_refused_request_is_not_remembered(self, ada: User) -> None:
        from jobs.errors import InvalidArguments

        with pytest.raises(InvalidArguments):
            submit_job(
                SQUARE,
                {"n": "x"},
                owner=ada,
                options=SubmitOptions(idempotency_key="k", request_digest="d"),
            )
        assert submit(ada, idempotency_key="k", request_digest="e")[1]


@pytest.mark.django_db
class TestUniqueKey:
    """One unfinished job per task, owner and key."""

    def test_a_repeat_gets_the_unfinished_job(self, ada: User) -> None:
        first, created = submit(ada, unique_key="k")
        assert created
        assert submit(ada)[1]  # the newest of hers has no key, and is not meant
        assert submit(ada, unique_key="k") == (first, False)
        take_one()
        assert submit(ada, unique_key="k") == (first, False)

    def test_a_scheduled_job_counts_as_unfinished(self, ada: User) -> None:
        later = timezone.now() + timedelta(hours=1)
        first, _ = submit(ada, unique_key="k", run_after=later)
        assert submit(ada, unique_key="k") == (first, False)

    @pytest.mark.parametrize(
        "ending", [AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED, AttemptOutcome.CANCELLED]
    )
    def test_a_finished_job_frees_its_key(self, ada: User, ending: AttemptOutcome) -> None:
        first, _ = submit(ada, unique_key="k")
        end(take_one(), ending, final=True)
        second, created = submit(ada, unique_key="k")
        assert created
        assert second.pk != first.pk

    def test_it_is_per_task_owner_and_key(self, ada: User, bob: User) -> None:
        assert submit(ada, unique_key="k")[1]
        assert submit(bob, unique_key="k")[1]
        assert submit(None, unique_key="k")[1]
        assert not submit(None, unique_key="k")[1]
        assert submit(ada, unique_key="l")[1]
        assert submit_job(
            "testapp.fail",
            {"times": 1, "context_path": "x"},
            owner=ada,
            options=SubmitOptions(unique_key="k"),
        ).created

    def test_an_empty_key_is_no_key(self, ada: User) -> None:
        assert submit(ada, unique_key="")[1]
        assert submit(ada, unique_key="")[1]

    def test_the_transaction_of_the_caller_stays_usable(self, ada: User) -> None:
        with transaction.atomic():
            first, _ = submit(ada, unique_key="k")
            assert submit(ada, unique_key="k") == (first, False)
            assert submit(ada, unique_key="l")[1]
        assert Job.objects.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", ["idempotency_key", "unique_key"])
def test_fifty_at_once_make_one_job(key: str) -> None:
    owner = make_user()
    answers = in_threads(MANY, lambda number: submit(owner, **{key: "k"}))
    assert Job.objects.count() == 1
    assert len({job.pk for job, _ in answers}) == 1
    assert sorted(created for _, created in answers) == [False] * (MANY - 1) + [True]


@pytest.mark.django_db(transaction=True)
def test_a_job_and_its_upload_uses_are_inserted_together() -> None:
    with pytest.raises(IntegrityError):
        lifecycle.insert_job(Job(task=SQUARE), [uuid7()])
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_unique_job_that_finishes_in_between_is_followed_by_one() -> None:
    """Submitters meet a job that ends meanwhile: at no moment are there two unfinished ones."""
    owner = make_user()
    submit(owner, unique_key="k")
    claimed = take_one()

    def work(number: int) -> Any:
        if number:
            return submit(owner, unique_key="k")[0].pk
        with transaction.atomic():
            ended = Outcome(claim=claimed, outcome=AttemptOutcome.SUCCEEDED)
            return lifecycle.finish([ended])

    in_threads(16, work)
    unfinished = Job.objects.exclude(status__in=FINAL)
    assert unfinished.count() <= 1
    assert Job.objects.filter(status=Status.SUCCEEDED).count() == 1
    assert Job.objects.count() <= 2
