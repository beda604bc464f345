"""Endings that somebody wants to be told of: each is found once, whoever looks and whenever."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import lifecycle
from jobs.core.states import AttemptOutcome, Status
from jobs.errors import NotRetryable
from jobs.models import EmailRequest, FollowedEndings, Job, Webhook, WebhookDelivery
from jobs.submission import retry_job
from jobs.webhooks import follower
from jobs.webhooks.changing import change_webhook, delete_webhook
from jobs.webhooks.follower import follow
from tests.factories import end, make_job, record, take_one
from tests.integration.webhook_steps import deliver, ended, follow_all, hook, subjects

pytestmark = pytest.mark.django_db
URL = "https://8.8.8.8/hook"
FAILED, CANCELLED = AttemptOutcome.FAILED, AttemptOutcome.CANCELLED


def test_each_ending_is_found_once(ada: User) -> None:
    webhook = hook(ada, URL)
    jobs = [ended(ada), ended(ada, FAILED), ended(ada, CANCELLED)]
    assert follow_all() == 3
    assert follow_all() == 0
    assert subjects(webhook) == [job.pk for job in jobs]
    events = webhook.deliveries.order_by("job_id").values_list("event", flat=True)
    assert list(events) == ["job.succeeded", "job.failed", "job.cancelled"]


def test_what_ended_before_a_webhook_was_made_is_not_sent(ada: User) -> None:
    ended(ada)
    first = hook(ada, URL)
    one = ended(ada)
    second = hook(ada, URL)
    two = ended(ada)
    assert follow_all() == 3
    assert (subjects(first), subjects(second)) == ([one.pk, two.pk], [two.pk])


def test_one_is_told_of_ones_own_jobs(ada: User, bob: User) -> None:
    webhook = hook(ada, URL)
    ended(bob)
    ended(None)
    mine = ended(ada)
    assert follow_all() == 1
    assert subjects(webhook) == [mine.pk]


def test_staff_with_the_permission_are_told_of_everyones(chief: User, ada: User) -> None:
    chief.user_permissions.add(Permission.objects.get(codename="everyone_webhook"))
    webhook = hook(User.objects.get(pk=chief.pk), URL, everyone=True)
    jobs = [ended(ada), ended(None), ended(chief)]
    follow_all()
    assert subjects(webhook) == [job.pk for job in jobs]


def test_events_and_task_are_filters(ada: User) -> None:
    failures = hook(ada, URL, ["job.failed"])
    doubles = hook(ada, URL, task="testapp.fail")
    failed = ended(ada, FAILED)
    double = ended(ada, task="testapp.fail")
    follow_all()
    assert (subjects(failures), subjects(doubles)) == ([failed.pk], [double.pk])


def test_a_webhook_that_is_disabled_misses_what_ends(ada: User) -> None:
    webhook = hook(ada, URL)
    change_webhook(webhook, {"enabled": False})
    ended(ada)
    assert follow() == lifecycle.followers.Followed()
    change_webhook(webhook, {"enabled": True})
    job = ended(ada)
    follow_all()
    assert subjects(webhook) == [job.pk]


def test_nothing_follows_from_a_delivery(ada: User) -> None:
    webhook = hook(ada, URL)
    ended(ada)
    follow_all()
    Webhook.objects.update(enabled=True, url="https://10.0.0.1/")
    deliver()
    Job.objects.filter(queue="deliveries").update(status=Status.FAILED)
    assert follow_all() == 0
    assert webhook.deliveries.count() == 1


def test_many_endings_are_followed_in_parts(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "MOST_INSERTED", 4)
    webhooks = [hook(ada, URL), hook(ada, URL)]
    jobs = [ended(ada) for _ in range(5)]
    found = follow()
    assert (found.inserted, found.more) == (4, True)
    assert follow_all() == 6
    for webhook in webhooks:
        assert subjects(webhook) == [job.pk for job in jobs]


def test_a_part_that_fails_is_followed_again(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    webhook = hook(ada, URL)
    job = ended(ada)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed here")

    with monkeypatch.context() as patched:
        patched.setattr(WebhookDelivery.objects, "bulk_create", fail)
        with pytest.raises(RuntimeError):
            follow()
    assert not Job.objects.filter(queue="deliveries").exists()
    assert follow_all() == 1
    assert subjects(webhook) == [job.pk]


# An ending that a retry takes back.


@pytest.mark.parametrize("at_once", [True, False])
def test_an_ending_that_is_retried_before_it_was_found_is_sent_all_the_same(
    ada: User, at_once: bool
) -> None:
    webhook = hook(ada, URL)
    job = ended(ada, FAILED)
    if not at_once:
        follow_all()
    retry_job(job, ada)
    assert webhook.deliveries.count() == 1
    assert end(take_one())
    follow_all()
    assert subjects(webhook) == [job.pk] * 2
    events = webhook.deliveries.order_by("job_id").values_list("event", flat=True)
    assert list(events) == ["job.failed", "job.succeeded"]


def test_a_retry_of_many_keeps_their_endings(ada: User) -> None:
    webhook = hook(ada, URL)
    jobs = [ended(ada, FAILED), ended(ada, CANCELLED)]
    succeeded = ended(ada)
    assert lifecycle.requeue_jobs([*(job.pk for job in jobs), succeeded.pk]) == {
        job.pk for job in jobs
    }
    follow_all()
    assert set(subjects(webhook)) == {job.pk for job in (*jobs, succeeded)}
    assert webhook.deliveries.count() == 3


def test_a_retry_that_does_nothing_keeps_nothing(ada: User) -> None:
    webhook = hook(ada, URL)
    job = ended(ada)
    with pytest.raises(NotRetryable):
        lifecycle.requeue_job(job)
    assert follow_all() == 1
    assert subjects(webhook) == [job.pk]


# What it costs.


def test_without_webhooks_a_look_is_one_statement_and_no_job_costs_any(ada: User) -> None:
    with CaptureQueriesContext(connection) as none:
        assert follow() == lifecycle.followers.Followed()
    assert len(none) == 1
    before = statements_of_a_job(ada)
    webhook = hook(ada, URL)
    assert statements_of_a_job(ada) == before
    delete_webhook(webhook)
    with CaptureQueriesContext(connection) as again:
        assert not follow().is_active
    assert len(again) == 1


def statements_of_a_job(owner: User) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        ended(owner)
    return [query["sql"].split(" ")[0] for query in captured.captured_queries]


def test_a_look_that_finds_nothing_new_is_one_statement(ada: User) -> None:
    hook(ada, URL)
    ended(ada)
    follow_all()
    with CaptureQueriesContext(connection) as captured:
        assert follow() == lifecycle.followers.Followed(is_active=True)
    assert len(captured) == 1


def test_what_others_have_ended_is_passed_once(ada: User, bob: User) -> None:
    hook(ada, URL)
    ended(bob)
    assert follow_all() == 0
    place = FollowedEndings.objects.get()
    assert place.job_id == Job.objects.get(owner=bob).pk


def test_what_is_deleted_takes_its_deliveries_along(ada: User) -> None:
    webhook = hook(ada, URL)
    ended(ada)
    follow_all()
    delete_webhook(webhook)
    assert not WebhookDelivery.objects.exists()
    assert Job.objects.filter(queue="deliveries").count() == 1, "retention deletes the job"


def test_a_user_who_is_deleted_takes_their_webhooks_along(ada: User) -> None:
    hook(ada, URL)
    ended(ada)
    follow_all()
    ada.delete()
    assert not Webhook.objects.exists()
    assert not WebhookDelivery.objects.exists()


def test_a_delivery_is_a_job_of_nobody(ada: User) -> None:
    hook(ada, URL)
    ended(ada)
    follow_all()
    job = Job.objects.get(queue="deliveries")
    assert (job.owner_id, job.task, job.status) == (None, "jobs.deliver_webhook", Status.QUEUED)
    assert not Job.objects.visible_to(ada).filter(pk=job.pk).exists()
    assert record(owner=ada).queue == "default"
    assert not EmailRequest.objects.exists()
    assert make_job().pk
