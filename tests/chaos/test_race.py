"""Cancel races finish 500 times: one final status each, and one that both agree on."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.core.states import AttemptOutcome, Status
from jobs.errors import NotCancellable
from jobs.lifecycle import Claim, Outcome
from jobs.models import Attempt, Job
from tests.factories import make_consumer, make_job, take_one

TIMES = 500


@pytest.mark.django_db(transaction=True)
def test_cancel_racing_finish() -> None:
    consumer = make_consumer()
    claims = []
    for _ in range(TIMES):
        make_job(queue="default")
        claims.append(take_one("default", consumer.pk))
    start = threading.Barrier(2)
    late: list[Outcome] = []
    answers: dict[object, str] = {}

    def finish(claim: Claim) -> None:
        done = Outcome(claim=claim, outcome=AttemptOutcome.SUCCEEDED, ended_at=timezone.now())
        with transaction.atomic():
            late.extend(lifecycle.finish([done]))

    def cancel(claim: Claim) -> None:
        try:
            answers[claim.id] = lifecycle.cancel_job(claim.id, "ada").name
        except NotCancellable:
            answers[claim.id] = "REFUSED"

    errors = _both(finish, cancel, claims, start)

    assert errors == []
    assert late == []
    assert Counter(Job.objects.values_list("status", flat=True)) == {Status.SUCCEEDED: TIMES}
    assert Attempt.objects.filter(number=1, outcome=AttemptOutcome.SUCCEEDED).count() == TIMES
    assert set(answers.values()) <= {"ASKED", "REFUSED"}
    asked = {one for one, answer in answers.items() if answer == "ASKED"}
    assert set(Job.objects.filter(cancel_requested=True).values_list("pk", flat=True)) == asked


def _both(
    one: Callable[[Claim], None],
    other: Callable[[Claim], None],
    claims: list[Claim],
    start: threading.Barrier,
) -> list[BaseException]:
    errors: list[BaseException] = []

    def run(act: Callable[[Claim], None]) -> None:
        try:
            for claim in claims:
                start.wait(60)
                act(claim)
        except BaseException as error:  # noqa: BLE001  (told by the caller)
            errors.append(error)
            start.abort()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors
