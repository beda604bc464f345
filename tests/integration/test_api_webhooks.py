"""``/webhooks``: one's own, made, changed, tried and listed by the API."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.core.states import Status
from jobs.models import Job, Webhook
from tests.integration.api_client import Api
from tests.integration.webhook_steps import deliver, ended, follow_all, hook
from tests.webhook_receiver import Receiver, receiving

WEBHOOKS = "/api/v1/webhooks"
URL = "https://8.8.8.8/hook"
EVENTS = ["job.succeeded", "job.failed", "job.cancelled"]


@pytest.fixture
def receiver(api: Api, jobs_setting: Any) -> Iterator[Receiver]:
    jobs_setting(WEBHOOK_SCHEMES=["https", "http"], WEBHOOK_NETWORKS=["127.0.0.1/32"])
    with receiving() as made:
        yield made


def make(api: Api, **body: Any) -> Any:
    return api.post(WEBHOOKS, {"url": URL, "events": EVENTS, **body})


def test_a_webhook_is_made_and_its_secret_is_shown_once(api: Api) -> None:
    response = make(api, events=["job.failed", "job.failed"], task="testapp.square")
    assert response.status_code == 201
    made = response.json()
    assert response.headers["Location"] == made["links"]["self"]
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert made | {"events": ["job.failed"], "task": "testapp.square", "enabled": True} == made
    assert api.get(made["links"]["self"]).json() == made
    assert api.get(WEBHOOKS).json() == {"items": [made]}
    assert Webhook.objects.get().site == "http://testserver/"


@pytest.mark.parametrize(
    ("body", "pointer", "said"),
    [
        ({"url": "http://8.8.8.8/"}, "/url", "It must begin with https://."),
        ({"url": "ftp://8.8.8.8/"}, "/url", "It must begin with https://."),
        ({"url": "https://127.0.0.1/"}, "/url", "It is not a public address."),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "/url", "It is not a public address."),
        ({"url": "https://0x7f000001/"}, "/url", "It is not a public address."),
        ({"url": "https://169.254.169.254/"}, "/url", "It is not a public address."),
        ({"url": "https://ada:secret@8.8.8.8/"}, "/url", "a name or a password"),
        ({"url": "https://8.8.8.8:0/"}, "/url", "port 0"),
        ({"url": "https://"}, "/url", "This is not a URL"),
        ({"url": "https://8.8.8.8/" + "x" * 2000}, "/url", "2000 characters"),
        ({"url": ""}, "/url", ""),
        ({"url": None}, "/url", ""),
        ({"url": 7}, "/url", ""),
        ({"events": []}, "/events", ""),
        ({"events": ["job.started"]}, "/events/0", ""),
        ({"events": ["batch.finished"]}, "/events/0", "job.cancelled"),
        ({"events": "job.failed"}, "/events", ""),
        ({"task": "nothing"}, "/task", "There is no task named 'nothing'."),
        ({"everyone": 1}, "/everyone", ""),
        ({"colour": "red"}, "/colour", ""),
    ],
)
def test_what_does_not_fit_is_refused(
    api: Api, body: dict[str, Any], pointer: str, said: str
) -> None:
    response = make(api, **body)
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["pointer"] == pointer
    assert said in error["detail"]
    assert not Webhook.objects.exists()


def test_a_body_that_is_no_object_is_refused(api: Api) -> None:
    assert api.post(WEBHOOKS, [1]).status_code == 422
    assert api.post(WEBHOOKS, b"{").status_code == 400
    assert api.post(WEBHOOKS, b"x", content_type="text/plain").status_code == 415


def test_an_international_name_is_kept_in_ascii(api: Api) -> None:
    made = make(api, url="HTTPS://Bücher.example/Ü#x").json()
    assert made["url"] == "https://xn--bcher-kva.example/%C3%9C"


def test_plain_http_is_taken_where_it_is_allowed(api: Api, jobs_setting: Any) -> None:
    jobs_setting(WEBHOOK_SCHEMES=["https", "http"], WEBHOOK_NETWORKS=["10.1.0.0/16"])
    assert make(api, url="http://8.8.8.8/").status_code == 201
    assert make(api, url="http://10.1.2.3/").status_code == 201
    assert make(api, url="http://10.2.2.3/").status_code == 422


def test_webhooks_can_be_switched_off(api: Api, jobs_setting: Any) -> None:
    jobs_setting(WEBHOOK_SCHEMES=[])
    response = make(api)
    assert response.status_code == 403
    assert response.json()["detail"] == "Webhooks are switched off on this site."


def test_without_the_package_it_says_what_to_install(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.webhooks.changing.is_possible", lambda: False)
    response = make(api)
    assert response.status_code == 403
    assert "pip install 'jobdesk[webhooks]'" in response.json()["detail"]


def test_a_user_may_have_only_so_many(api: Api, jobs_setting: Any, bob: User) -> None:
    jobs_setting(USER_MAX_WEBHOOKS=2)
    hook(bob, URL)
    assert [make(api).status_code for _ in range(3)] == [201, 201, 409]
    assert Webhook.objects.count() == 3


def test_everyones_jobs_need_a_permission(api: Api, ada: User) -> None:
    assert make(api, everyone=True).status_code == 403
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    assert make(api, everyone=True).status_code == 403
    ada.user_permissions.add(Permission.objects.get(codename="everyone_webhook"))
    assert make(api, everyone=True).json()["everyone"] is True
    User.objects.filter(pk=ada.pk).update(is_staff=False)
    assert make(api, everyone=True).status_code == 403


@pytest.mark.parametrize("staff", [False, True])
def test_anothers_webhook_is_as_good_as_none(api: Api, bob: User, staff: bool) -> None:
    theirs = hook(bob, URL)
    User.objects.filter(username="ada").update(is_staff=staff)
    ended(bob)
    follow_all()
    delivery = theirs.deliveries.get().pk
    own = make(api).json()["links"]["self"]
    for key in (theirs.pk, uuid.uuid4(), "nothing"):
        address = f"{WEBHOOKS}/{key}"
        assert api.get(address).status_code == 404
        assert api.send("patch", address, b"{}", content_type=JSON).status_code == 404
        assert api.send("delete", address).status_code == 404
        assert api.post(f"{address}/test").status_code == 404
        assert api.post(f"{address}/rotate").status_code == 404
        assert api.get(f"{address}/deliveries").status_code == 404
        assert api.post(f"{address}/deliveries/{delivery}/redeliver").status_code == 404
    assert api.post(f"{own}/deliveries/{delivery}/redeliver").status_code == 404
    assert api.post(f"{own}/deliveries/nothing/redeliver").status_code == 404
    assert Webhook.objects.filter(owner=bob, enabled=True).exists()


JSON = "application/json"


def test_nobody_gets_in_without_a_credential(db: None) -> None:
    assert Api(None).get(WEBHOOKS).status_code == 401
    assert Api(None).post(WEBHOOKS, {}).status_code == 401


def patch(api: Api, address: str, body: bytes) -> Any:
    return api.send("patch", address, body, content_type=JSON)


def test_a_webhook_is_changed_in_part(api: Api) -> None:
    made = make(api, task="testapp.square").json()
    address = made["links"]["self"]
    changed = patch(api, address, b'{"url": "https://1.1.1.1/", "task": null}').json()
    assert (changed["url"], changed["task"]) == ("https://1.1.1.1/", None)
    assert changed["events"] == EVENTS
    assert patch(api, address, b'{"enabled": false}').json()["enabled"] is False
    Webhook.objects.update(disabled_reason="It answered 410.", failing_since="2026-01-01T00:00Z")
    again = patch(api, address, b'{"enabled": true}').json()
    assert (again["enabled"], again["disabled_reason"], again["failing_since"]) == (
        *(True, None, None),
    )
    assert patch(api, address, b'{"url": null}').status_code == 422
    assert patch(api, address, b'{"url": "https://10.0.0.1/"}').status_code == 422
    assert patch(api, address, b'{"everyone": true}').status_code == 422
    assert patch(api, address, b"{}").json() == again


def test_a_webhook_is_deleted(api: Api) -> None:
    address = make(api).json()["links"]["self"]
    assert api.send("delete", address).status_code == 204
    assert api.get(address).status_code == 404


def test_a_rotation_gives_a_new_secret(api: Api) -> None:
    made = make(api).json()
    rotated = api.post(made["links"]["rotate"]).json()
    assert rotated["secret"] != made["secret"]
    assert Webhook.objects.get().secrets == [rotated["secret"], made["secret"]]


# What was sent.


def test_deliveries_are_listed_with_their_attempts(api: Api, ada: User, receiver: Receiver) -> None:
    made = make(api, url=receiver.url).json()
    job = ended(ada)
    follow_all()
    receiver.answer(500)
    deliver()
    address = made["links"]["deliveries"]
    (shown,) = api.get(address).json()["items"]
    assert (shown["event"], shown["status"]) == ("job.succeeded", "scheduled")
    assert shown["next_attempt_at"] is not None
    assert shown["links"]["job"] == f"/api/v1/jobs/{job.pk}"
    (attempt,) = shown["attempts"]
    assert (attempt["number"], attempt["outcome"]) == (1, "failed")
    assert attempt["detail"] == "It answered 500 Internal Server Error."
    receiver.answer(200)
    again = api.post(shown["links"]["redeliver"])
    assert again.status_code == 202
    assert again.json()["message_id"] == shown["message_id"]
    deliver()
    second, first = api.get(address).json()["items"]
    assert (second["status"], first["status"]) == ("succeeded", "cancelled")
    assert second["attempts"][0]["detail"].startswith("It answered 200 within 0.")


def test_one_that_is_being_sent_is_not_sent_again(api: Api, ada: User) -> None:
    made = make(api).json()
    ended(ada)
    follow_all()
    Job.objects.filter(queue="deliveries").update(status=Status.RUNNING)
    (shown,) = api.get(made["links"]["deliveries"]).json()["items"]
    assert api.post(shown["links"]["redeliver"]).status_code == 409


def test_a_test_is_sent_once_at_a_time(api: Api, receiver: Receiver) -> None:
    made = make(api, url=receiver.url).json()
    first = api.post(made["links"]["test"])
    assert (first.status_code, first.json()["event"]) == (202, "webhook.test")
    assert api.post(made["links"]["test"]).status_code == 409
    deliver()
    assert receiver.requests[0].verified(made["secret"])["type"] == "webhook.test"
    assert api.post(made["links"]["test"]).status_code == 202


def test_pages_of_deliveries_follow_their_link(api: Api, ada: User) -> None:
    made = make(api).json()
    jobs = [ended(ada) for _ in range(5)]
    follow_all()
    address = f"{made['links']['deliveries']}?limit=2"
    seen = []
    while address:
        response = api.get(address)
        seen += [item["links"]["job"].rpartition("/")[2] for item in response.json()["items"]]
        address = response.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert seen == [str(job.pk) for job in reversed(jobs)]
    assert api.get(f"{made['links']['deliveries']}?cursor=x").status_code == 422
    assert api.get(f"{made['links']['deliveries']}?limit=0").status_code == 422
    assert api.get(f"{made['links']['deliveries']}?colour=red").status_code == 422


def test_a_list_costs_the_same_however_many_there_are(api: Api, ada: User) -> None:
    made = make(api).json()

    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            api.get(made["links"]["deliveries"])
        return len(captured)

    ended(ada)
    follow_all()
    one = statements()
    for _ in range(4):
        ended(ada)
    follow_all()
    assert statements() == one
