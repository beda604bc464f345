"""Webhooks while consumers are killed: each ending is sent, under one id, and keeps no task
waiting."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.contrib.auth.models import User

from jobs.core.states import FINAL, Status
from jobs.models import Job, Webhook, WebhookDelivery
from jobs.submission import submit_job
from jobs.webhooks.changing import create_webhook, send_test
from jobs.webhooks.events import EVENTS
from tests.consumers import Consumers, wait_finished
from tests.factories import make_user
from tests.waiting import wait_until
from tests.webhook_receiver import Receiver, receiving

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]
JOBS = 60


@pytest.fixture
def receiver(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    # For the consumers, and for this process.
    monkeypatch.setenv("JOBS_WEBHOOK_SCHEMES", "http")
    monkeypatch.setenv("JOBS_WEBHOOK_NETWORKS", "127.0.0.1/32")
    changed = {"WEBHOOK_SCHEMES": ["http"], "WEBHOOK_NETWORKS": ["127.0.0.1/32"]}
    settings.JOBS = {**settings.JOBS, **changed}
    with receiving() as made:
        yield made


def webhook_of(owner: User, receiver: Receiver) -> Webhook:
    asked = {"url": receiver.url, "events": list(EVENTS)}
    return create_webhook(owner, "http://desk.example/", asked)


def submit(owner: User, count: int) -> set[str]:
    return {str(submit_job("testapp.square", {"n": n}, owner=owner).job.pk) for n in range(count)}


@pytest.mark.skipif(os.name == "nt", reason="ends programs by POSIX signals")
def test_each_ending_is_sent_under_one_id_whoever_is_killed(
    consumers: Consumers, receiver: Receiver
) -> None:
    owner = make_user()
    webhook = webhook_of(owner, receiver)
    ids = submit(owner, JOBS)
    for share in (1, 2, 3):
        victim = consumers.start("--concurrency", "4")
        # While it finds endings, and while it sends.
        wait_until(
            lambda share=share: len(receiver.requests) >= share * JOBS // 5,  # type: ignore[misc]
            timeout=90,
            what="some deliveries",
        )
        victim.signal(signal.SIGKILL)
        victim.wait()
    deliveries = Job.objects.filter(queue="deliveries")
    wait_until(
        lambda: consumers.run_until_idle() and not deliveries.exclude(status__in=FINAL).exists(),
        timeout=100,
        what="all deliveries to have ended",
    )
    events = [request.verified(webhook.secret) for request in receiver.requests]
    sent = {
        (request.message, event["subject"])
        for request, event in zip(receiver.requests, events, strict=True)
    }
    assert {subject for _, subject in sent} == ids
    assert len(sent) == JOBS, "one delivery, so one id, for each ending"
    assert WebhookDelivery.objects.count() == JOBS
    assert not Job.objects.filter(queue="deliveries").exclude(status=Status.SUCCEEDED).exists()


def test_receivers_that_hang_keep_no_task_waiting(consumers: Consumers, receiver: Receiver) -> None:
    owner = make_user()

    def hang(_: BaseHTTPRequestHandler) -> None:
        receiver.stopping.wait(60)

    receiver.reply = hang
    for _ in range(12):
        send_test(webhook_of(owner, receiver))
    consumers.start("--concurrency", "1")
    receiver.wait(8)
    (job,) = submit(owner, 1)
    assert wait_finished(job, timeout=10).status == Status.SUCCEEDED
    running = Job.objects.filter(queue="deliveries", status=Status.RUNNING)
    assert running.count() == 8


def test_a_consumer_of_other_queues_leaves_deliveries_to_others(
    consumers: Consumers, receiver: Receiver
) -> None:
    owner = make_user()
    webhook_of(owner, receiver)
    submit(owner, 1)
    consumers.run_until_idle("--queues", "default")
    assert receiver.requests == []
    assert Job.objects.filter(queue="deliveries", status=Status.QUEUED).count() == 1
    consumers.run_until_idle("--queues", "deliveries")
    assert len(receiver.requests) == 1
