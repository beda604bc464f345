"""The pages of one's own webhooks."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from jobs.models import Job, Webhook
from tests.integration.webhook_steps import deliver, ended, follow_all, hook

WEBHOOKS = "/webhooks/"
URL = "https://8.8.8.8/hook"
NEW = {"url": URL, "events": ["job.succeeded", "job.failed"], "task": ""}


def text(client: Client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status
    return str(response.content.decode())


def test_a_webhook_is_made_on_the_page_and_its_secret_shown_once(page: Client) -> None:
    assert "Webhooks appear here" in text(page, WEBHOOKS)
    response = page.post(WEBHOOKS, NEW)
    made = Webhook.objects.get()
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    assert made.secret in response.content.decode()
    assert (made.events, made.task) == (NEW["events"], "")
    for path in (WEBHOOKS, f"{WEBHOOKS}{made.pk}/"):
        shown = text(page, path)
        assert URL in shown
        assert made.secret not in shown


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "http://8.8.8.8/"}, "It must begin with https://."),
        ({"url": "https://10.0.0.1/"}, "It is not a public address."),
        ({"url": ""}, "This field is required."),
        ({"events": []}, "This field is required."),
    ],
)
def test_what_does_not_fit_is_said_at_its_field(
    page: Client, change: dict[str, object], said: str
) -> None:
    response = page.post(WEBHOOKS, {**NEW, **change})
    assert response.status_code == 422
    assert said in response.content.decode()
    assert not Webhook.objects.exists()


def test_a_limit_is_said(page: Client, settings: Any) -> None:
    settings.JOBS = {**settings.JOBS, "USER_MAX_WEBHOOKS": 1}
    assert page.post(WEBHOOKS, NEW).status_code == 201
    response = page.post(WEBHOOKS, NEW)
    assert response.status_code == 422
    assert "as many as one user may have" in response.content.decode()


def test_everyones_jobs_are_offered_to_who_may(page: Client, ada: User) -> None:
    assert "Everyone" not in text(page, WEBHOOKS)
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    ada.user_permissions.add(Permission.objects.get(codename="everyone_webhook"))
    assert "Everyone" in text(page, WEBHOOKS)
    page.post(WEBHOOKS, {**NEW, "everyone": "on"})
    assert Webhook.objects.get().everyone


def test_the_buttons_do_what_they_say(page: Client, ada: User) -> None:
    made = hook(ada, URL)
    address = f"{WEBHOOKS}{made.pk}/"

    def press(do: str) -> str:
        response = page.post(f"{address}change", {"do": do}, follow=True)
        assert response.status_code == 200
        made.refresh_from_db() if do != "delete" else None
        return str(response.content.decode())

    old = made.secret
    assert made.secret in press("rotate") or made.secret != old
    assert made.old_secret == old
    assert ">Enable<" in press("disable")
    assert not made.enabled
    assert ">Disable<" in press("enable")
    assert "webhook.test" in press("test")
    assert "The last test has not finished yet." in press("test")
    assert "The webhook is deleted." in press("delete")
    assert not Webhook.objects.exists()


def test_what_was_sent_is_listed_and_can_be_sent_again(page: Client, ada: User) -> None:
    made = hook(ada, URL)
    job = ended(ada)
    follow_all()
    Webhook.objects.update(url="https://10.0.0.1/")
    deliver()
    address = f"{WEBHOOKS}{made.pk}/"
    shown = text(page, address)
    assert f'href="/jobs/{job.pk}/"' in shown
    assert "Its host does not lead to a public address." in shown
    (again,) = re.findall(rf'action="({address}deliveries/[0-9a-f-]+/again)"', shown)
    assert page.post(again, follow=True).status_code == 200
    assert Job.objects.filter(queue="deliveries").count() == 2


def test_anothers_webhook_is_not_there(page: Client, bob: User) -> None:
    theirs = hook(bob, URL)
    ended(bob)
    follow_all()
    address = f"{WEBHOOKS}{theirs.pk}/"
    delivery = theirs.deliveries.get().pk
    assert "There is no such webhook" in text(page, address, 404)
    assert URL not in text(page, WEBHOOKS)
    assert page.post(f"{address}change", {"do": "delete"}).status_code == 404
    assert page.post(f"{address}deliveries/{delivery}/again").status_code == 404
    assert text(page, f"{WEBHOOKS}nothing/", 404)
    assert Webhook.objects.exists()


def test_where_webhooks_are_off_the_page_says_so(page: Client, settings: Any) -> None:
    settings.JOBS = {**settings.JOBS, "WEBHOOK_SCHEMES": []}
    assert "Webhooks are switched off on this site." in text(page, WEBHOOKS, 403)


def test_the_header_leads_to_the_page(page: Client) -> None:
    assert f'href="{WEBHOOKS}"' in text(page, "/")
