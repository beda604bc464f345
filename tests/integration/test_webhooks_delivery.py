"""What is sent to a webhook, and what becomes of it for each answer."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from standardwebhooks import WebhookVerificationError

from jobs.core.states import AttemptOutcome, Status
from jobs.models import Attempt, Job, Webhook
from jobs.webhooks import pauses, sending
from jobs.webhooks.changing import (
    change_webhook,
    delete_webhook,
    redeliver,
    rotate_secret,
    send_test,
)
from tests.integration.webhook_steps import SITE, deliver, ended, follow_all, hook
from tests.webhook_receiver import Receiver, receiving

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver(jobs_setting: Any) -> Iterator[Receiver]:
    jobs_setting(WEBHOOK_SCHEMES=["https", "http"], WEBHOOK_NETWORKS=["127.0.0.1/32"])
    with receiving() as made:
        yield made


def delivery_of(webhook: Webhook) -> Job:
    return webhook.deliveries.select_related("job").latest("job_id").job


def result_of(job: Job) -> Any:
    return job.result


def send_one(owner: User, url: str) -> tuple[Webhook, Job]:
    """Deliver the ending of one job."""
    webhook = hook(owner, url)
    ended(owner)
    follow_all()
    deliver()
    webhook.refresh_from_db()
    return webhook, delivery_of(webhook)


def message_of(job: Job) -> str:
    return Attempt.objects.filter(job=job).latest("number").message


def test_an_event_is_signed_and_has_links_but_no_result(ada: User, receiver: Receiver) -> None:
    webhook, delivery = send_one(ada, receiver.url)
    (request,) = receiver.requests
    event = request.verified(webhook.secret)
    job = Job.objects.get(owner=ada)
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert event == {
        "specversion": "1.0",
        "id": str(delivery.pk),
        "source": SITE,
        "type": "job.succeeded",
        "subject": str(job.pk),
        "time": event["data"]["finished_at"],
        "datacontenttype": "application/json",
        "data": {
            "id": str(job.pk),
            "task": "testapp.square",
            "queue": "default",
            "status": "succeeded",
            "attempt": 1,
            "failures": 0,
            "max_attempts": 1,
            "created_at": event["data"]["created_at"],
            "started_at": event["data"]["started_at"],
            "finished_at": event["data"]["finished_at"],
            "links": {
                "self": f"{SITE}api/v1/jobs/{job.pk}",
                "html": f"{SITE}jobs/{job.pk}/",
                "log": f"{SITE}api/v1/jobs/{job.pk}/log",
            },
        },
    }
    assert request.message == str(delivery.pk)
    assert delivery.status == Status.SUCCEEDED
    assert result_of(delivery)["status"] == 204


def test_another_secret_or_another_body_is_not_verified(ada: User, receiver: Receiver) -> None:
    webhook, _ = send_one(ada, receiver.url)
    (request,) = receiver.requests
    other = hook(ada, receiver.url)
    with pytest.raises(WebhookVerificationError):
        request.verified(other.secret)
    changed = type(request)(request.headers, request.body + b" ")
    with pytest.raises(WebhookVerificationError):
        changed.verified(webhook.secret)


def test_after_a_rotation_both_secrets_verify_for_a_day(ada: User, receiver: Receiver) -> None:
    webhook = hook(ada, receiver.url)
    old = webhook.secret
    rotate_secret(webhook)
    assert webhook.secret != old
    send_test(webhook)
    deliver()
    assert receiver.requests[0].verified(old) == receiver.requests[0].verified(webhook.secret)
    Webhook.objects.update(rotated_at=timezone.now() - timedelta(days=1, seconds=1))
    send_test(webhook)
    deliver()
    assert receiver.requests[1].verified(webhook.secret)
    with pytest.raises(WebhookVerificationError):
        receiver.requests[1].verified(old)


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (500, {}, "It answered 500 Internal Server Error."),
        (404, {}, "It answered 404 Not Found."),
        (799, {}, "It answered 799."),
        (
            302,
            {"Location": "http://127.0.0.1/x"},
            "It answered 302 Found to http://127.0.0.1/x. Redirects are not followed.",
        ),
        (
            307,
            {"Location": "http://[::1:x/"},
            "It answered 307 Temporary Redirect to http://[::1:x/. Redirects are not followed.",
        ),
        (304, {}, "It answered 304 Not Modified. Redirects are not followed."),
    ],
)
def test_an_answer_that_is_no_success_is_tried_again(
    ada: User, receiver: Receiver, status: int, headers: dict[str, str], said: str
) -> None:
    receiver.answer(status, **headers)
    webhook, delivery = send_one(ada, receiver.url)
    assert (delivery.status, message_of(delivery)) == (Status.SCHEDULED, said)
    assert len(receiver.requests) == 1, "not followed"
    assert webhook.failing_since is not None
    Job.objects.filter(pk=delivery.pk).update(status=Status.QUEUED)
    receiver.answer(200)
    deliver()
    first, second = receiver.requests
    assert (first.message, first.body) == (second.message, second.body)
    webhook.refresh_from_db()
    assert webhook.failing_since is None


def test_gone_disables_the_webhook(ada: User, receiver: Receiver) -> None:
    receiver.answer(410)
    webhook, delivery = send_one(ada, receiver.url)
    assert (webhook.enabled, delivery.status) == (False, Status.FAILED)
    assert webhook.disabled_reason == "Its receiver has answered 410 Gone."
    assert message_of(delivery) == "It answered 410 Gone. The webhook is disabled."


def test_what_waits_for_a_webhook_that_is_disabled_is_not_sent(
    ada: User, receiver: Receiver
) -> None:
    webhook = hook(ada, receiver.url)
    ended(ada)
    follow_all()
    change_webhook(webhook, {"enabled": False})
    deliver()
    assert receiver.requests == []
    assert delivery_of(webhook).status == Status.FAILED


def test_what_waits_for_a_webhook_that_was_deleted_is_not_sent(
    ada: User, receiver: Receiver
) -> None:
    webhook = hook(ada, receiver.url)
    ended(ada)
    follow_all()
    delete_webhook(webhook)
    deliver()
    assert receiver.requests == []
    assert message_of(Job.objects.get(queue="deliveries")) == "The webhook was deleted."


@pytest.mark.parametrize("what", ["user", "staff", "permission"])
def test_an_owner_who_may_not_any_more_gets_nothing(
    ada: User, chief: User, receiver: Receiver, what: str
) -> None:
    webhook = hook(ada, receiver.url)
    if what == "user":
        User.objects.filter(pk=ada.pk).update(is_active=False)
    else:
        staff = what == "staff"
        User.objects.filter(pk=ada.pk).update(is_staff=staff)
        Webhook.objects.update(everyone=True)
    ended(ada)
    follow_all()
    deliver()
    webhook.refresh_from_db()
    assert (receiver.requests, webhook.enabled) == ([], False)


# Addresses.


def test_a_name_that_leads_within_when_it_is_connected_to_is_refused(
    ada: User, receiver: Receiver, jobs_setting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = hook(ada, f"http://name.example:{receiver.port}/")  # that name is of the internet
    jobs_setting(WEBHOOK_SCHEMES=["http"], WEBHOOK_NETWORKS=[])

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr("jobs.core.safe_http.addresses.socket.getaddrinfo", getaddrinfo)
    ended(ada)
    follow_all()
    deliver()
    delivery = delivery_of(webhook)
    assert (receiver.requests, delivery.status) == ([], Status.SCHEDULED)
    assert message_of(delivery) == (
        "Its host does not lead to a public address. Webhooks are sent to those only."
    )


def test_nobody_listens(ada: User, receiver: Receiver) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    _, delivery = send_one(ada, f"http://127.0.0.1:{port}/")
    assert message_of(delivery).startswith("It cannot be reached: ")


# Receivers that are slow, or say too much.


def test_a_receiver_that_hangs(
    ada: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SECONDS", 0.3)

    def hang(_: BaseHTTPRequestHandler) -> None:
        receiver.stopping.wait(30)

    receiver.reply = hang
    _, delivery = send_one(ada, receiver.url)
    assert (delivery.status, message_of(delivery)) == (
        Status.SCHEDULED,
        "It did not answer within 0.3 s.",
    )


def test_a_receiver_that_drips(
    ada: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time, the answer never."""
    monkeypatch.setattr(sending, "SECONDS", 0.5)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not receiver.stopping.wait(0.05):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    receiver.reply = drip
    _, delivery = send_one(ada, receiver.url)
    assert message_of(delivery) == "It did not answer within 0.5 s."


def test_an_answer_of_ten_gigabytes_is_not_read(ada: User, receiver: Receiver) -> None:
    size = 10 * 1024**3
    sent = []

    def flood(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(size))
        handler.end_headers()
        block = b"x" * 65536
        for _ in range(size // len(block)):
            handler.wfile.write(block)
            sent.append(len(block))

    receiver.reply = flood
    _, delivery = send_one(ada, receiver.url)
    assert delivery.status == Status.SUCCEEDED
    assert result_of(delivery)["note"] == (
        "The answer is longer than 65,536 bytes; the rest was not read."
    )
    assert sum(sent) < 64 * 1024**2


# When it is tried again.


def test_the_pauses_are_about_a_day_in_all() -> None:
    assert 24 * 3600 < sum(pauses.PAUSES) < 30 * 3600
    assert pauses.ATTEMPTS == 8
    for failures, pause in enumerate(pauses.PAUSES, 1):
        assert pause <= pauses.pause_seconds(failures) <= pause * 1.1
    assert pauses.pause_seconds(1, asked=60.0) == 60.0
    assert pauses.pause_seconds(1, asked=10.0**9) == 86_400.0


def test_each_failure_is_followed_by_its_pause(ada: User, receiver: Receiver) -> None:
    receiver.answer(500)
    webhook = hook(ada, receiver.url)
    ended(ada)
    follow_all()
    waited = []
    for _ in range(pauses.ATTEMPTS):
        deliver()
        job = delivery_of(webhook)
        if job.status == Status.SCHEDULED:
            assert job.run_after is not None
            waited.append((job.run_after - timezone.now()).total_seconds())
            Job.objects.filter(pk=job.pk).update(status=Status.QUEUED)
    assert job.status == Status.FAILED
    assert len(receiver.requests) == pauses.ATTEMPTS
    assert len({request.message for request in receiver.requests}) == 1
    for seconds, pause in zip(waited, pauses.PAUSES, strict=True):
        assert pause - 60 < seconds <= pause * 1.1
    outcomes = job.attempts.values_list("outcome", flat=True)
    assert set(outcomes) == {AttemptOutcome.FAILED}


@pytest.mark.parametrize("text", ["120", "date"])
def test_a_receiver_may_ask_for_time(ada: User, receiver: Receiver, text: str) -> None:
    if text == "date":
        text = (timezone.now() + timedelta(seconds=120)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    receiver.answer(503, Retry_After=text)
    _, delivery = send_one(ada, receiver.url)
    assert delivery.run_after is not None
    assert 60 < (delivery.run_after - timezone.now()).total_seconds() <= 120


def test_a_webhook_that_has_failed_for_days_is_disabled(ada: User, receiver: Receiver) -> None:
    receiver.answer(500)
    webhook = hook(ada, receiver.url)
    Webhook.objects.update(failing_since=timezone.now() - timedelta(days=6))
    ended(ada)
    follow_all()
    job = delivery_of(webhook)
    assert job.priority < 0, "others come first"
    Job.objects.filter(pk=job.pk).update(failures=pauses.ATTEMPTS - 1)
    deliver()
    webhook.refresh_from_db()
    assert not webhook.enabled
    assert webhook.disabled_reason == "No delivery has succeeded for 5 days."


# By hand.


def test_a_delivery_can_be_sent_again(ada: User, receiver: Receiver) -> None:
    webhook, job = send_one(ada, receiver.url)
    again = redeliver(job.webhook_delivery, "ada")
    deliver()
    first, second = receiver.requests
    assert first.message == second.message == str(again.message)
    assert (first.body, again.subject) == (second.body, job.webhook_delivery.subject)
    assert again.pk != job.pk
    assert second.verified(webhook.secret)


def test_one_that_waits_for_its_time_is_sent_at_once_instead(ada: User, receiver: Receiver) -> None:
    receiver.answer(500)
    webhook, job = send_one(ada, receiver.url)
    receiver.answer(200)
    redeliver(job.webhook_delivery, "ada")
    deliver()
    job.refresh_from_db()
    assert job.status == Status.CANCELLED
    assert delivery_of(webhook).status == Status.SUCCEEDED
    assert follow_all() == 0, "nothing follows from that"


def test_a_test_is_sent_to_a_webhook_that_is_disabled_too(ada: User, receiver: Receiver) -> None:
    webhook = hook(ada, receiver.url)
    change_webhook(webhook, {"enabled": False})
    send_test(webhook)
    deliver()
    event = receiver.requests[0].verified(webhook.secret)
    assert event["type"] == "webhook.test"
    assert json.dumps(event["data"]).count(str(webhook.pk)) == 2
