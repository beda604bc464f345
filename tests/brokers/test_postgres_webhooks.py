"""Endings that commit out of order on PostgreSQL, and several who follow them at once: each ending
has one delivery."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction

from jobs import lifecycle
from jobs.core.states import AttemptOutcome
from jobs.feed import newest_position
from jobs.lifecycle import Claim
from jobs.models import Job, Webhook, WebhookDelivery
from jobs.webhooks.changing import create_webhook
from jobs.webhooks.events import EVENTS
from jobs.webhooks.follower import follow
from tests.brokers.servers import Setup
from tests.brokers.test_postgres_feed import finish_in, open_transaction
from tests.factories import end, make_user, record, take
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.parametrize(
        "setup", [Setup("postgres", database="postgres").parameter()], indirect=True
    ),
    pytest.mark.usefixtures("setup"),
]


@pytest.fixture
def owner() -> User:
    return make_user()


def hook(owner: User) -> Webhook:
    asked = {"url": "https://8.8.8.8/hook", "events": list(EVENTS)}
    return create_webhook(owner, "https://desk.example/", asked)


def claimed(owner: User, count: int) -> list[Claim]:
    for _ in range(count):
        record(owner=owner)
    return take(limit=count)


def subjects() -> Counter[uuid.UUID | None]:
    return Counter(WebhookDelivery.objects.values_list("subject", flat=True))


def follow_until(count: int) -> None:
    """Follow until so many deliveries are there: what others have open holds them back."""

    def done() -> bool:
        follow()
        return WebhookDelivery.objects.count() >= count

    wait_until(done, what=f"{count} deliveries")


def test_transactions_that_commit_out_of_order(owner: User) -> None:
    hook(owner)
    first, second = claimed(owner, 2)
    with open_transaction() as one, open_transaction() as two:
        finish_in(one, first)
        finish_in(two, second)
        two.commit()
        follow()
        assert not subjects()
        one.commit()
    follow_until(2)
    follow()
    assert subjects() == Counter([first.id, second.id])


def test_a_webhook_that_is_made_while_the_transaction_of_an_ending_is_open(owner: User) -> None:
    newest_position()  # the first reader since the server's start would wait for what is open
    (claim,) = claimed(owner, 1)
    with open_transaction() as one:
        finish_in(one, claim)
        hook(owner)  # committed before the job has ended
        follow()
        one.commit()
    follow_until(1)
    assert subjects() == Counter([claim.id])


def test_several_follow_while_many_end_and_some_are_retried(owner: User) -> None:
    hook(owner)
    claims = claimed(owner, 160)
    is_over = threading.Event()

    def write(some: list[Claim]) -> int:
        retried = 0
        try:
            for number, claim in enumerate(some):
                with transaction.atomic():
                    assert end(claim, AttemptOutcome.FAILED, final=True)
                if number % 4 == 0:
                    lifecycle.requeue_job(Job.objects.get(pk=claim.id))
                    lifecycle.cancel_job(claim.id, "ada")
                    retried += 1
        finally:
            connections.close_all()
        return retried

    def follow_on() -> None:
        try:
            while not is_over.is_set():
                follow()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        followers = [pool.submit(follow_on) for _ in range(2)]
        writers = [pool.submit(write, claims[n::4]) for n in range(4)]
        try:
            retried = sum(writer.result(100) for writer in writers)
        finally:
            is_over.set()
        for follower in followers:
            follower.result(60)
    follow_until(160 + retried)
    follow()
    events = WebhookDelivery.objects.values_list("subject", "event")
    expected = Counter((claim.id, "job.failed") for claim in claims)
    cancelled = Job.objects.filter(cancelled_by="ada").values_list("pk", flat=True)
    expected.update((key, "job.cancelled") for key in cancelled)
    assert Counter(events) == expected
    assert retried == 40
