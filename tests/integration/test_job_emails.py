"""``notify``: an e-mail to the owner of a job when it has ended, in the language they read."""

from __future__ import annotations

import json
import smtplib
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.core.states import AttemptOutcome, Status
from jobs.models import EmailRequest, Job
from jobs.submission import retry_job
from jobs.webhooks import emails
from tests.factories import end, take_one
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD
from tests.integration.webhook_steps import deliver, follow_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(ada: User) -> User:
    ada.email = "ada@example.org"
    ada.save()
    return ada


def submit(api: Api, language: str = "", **body: Any) -> Any:
    headers = {"Accept-Language": language} if language else {}
    return api.submit(ADD, headers=headers, args={"n": 1}, **{"notify": "email", **body})


def end_job(ending: AttemptOutcome = AttemptOutcome.SUCCEEDED) -> Job:
    """End the one job that waits, follow that and send what follows."""
    claim = take_one()
    assert end(claim, ending, final=True)
    follow_all()
    deliver()
    return Job.objects.get(pk=claim.id)


def test_an_e_mail_is_sent_when_the_job_is_done(api: Api) -> None:
    assert submit(api).status_code == 202
    assert follow_all() == 0
    job = end_job()
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["ada@example.org"], "Done: Add numbers")
    assert f"http://testserver/jobs/{job.pk}/" in sent.body
    sender = Job.objects.get(queue="deliveries")
    assert sent.extra_headers["Message-ID"].startswith(f"<jobdesk-{sender.pk}")
    assert (sender.status, sender.owner_id) == (Status.SUCCEEDED, None)
    assert follow_all() == 0, "once"


@pytest.mark.parametrize(
    ("ending", "subject"),
    [(AttemptOutcome.FAILED, "Failed: "), (AttemptOutcome.CANCELLED, "Cancelled: ")],
)
def test_it_says_how_the_job_has_ended(api: Api, ending: AttemptOutcome, subject: str) -> None:
    submit(api)
    end_job(ending)
    assert mail.outbox[0].subject.startswith(subject)


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("de-AT,de;q=0.9", "Fertig: Add numbers"),
        ("zh-CN", "已完成：Add numbers"),
        ("tlh", "Done: Add numbers"),
    ],
)
def test_it_is_in_the_language_of_who_has_submitted(api: Api, language: str, subject: str) -> None:
    submit(api, language)
    end_job()
    assert mail.outbox[0].subject == subject


def test_a_job_that_is_retried_and_ends_again_sends_another(api: Api, ada: User) -> None:
    submit(api)
    job = end_job(AttemptOutcome.FAILED)
    retry_job(job, ada)
    end_job()
    assert [one.subject.partition(":")[0] for one in mail.outbox] == ["Failed", "Done"]


def test_a_job_without_it_sends_nothing_and_costs_nothing(api: Api) -> None:
    def statements(**body: Any) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert api.submit(ADD, args={"n": 1}, **body).status_code == 202
        return [query["sql"].split(" ")[0] for query in captured.captured_queries]

    statements()  # the first one also reads how full the queue is
    plain = statements()
    assert statements(notify=None) == plain
    assert len(statements(notify="email")) > len(plain)
    assert EmailRequest.objects.count() == 1


def test_a_user_without_an_address_is_told(api: Api) -> None:
    User.objects.update(email="")
    response = submit(api)
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["pointer"] == "/notify"
    assert error["detail"] == "There is no e-mail address in your account, so none can be sent."
    assert not Job.objects.exists()


@pytest.mark.parametrize("value", ["sms", True, 7, ["email"]])
def test_another_way_is_refused(api: Api, value: Any) -> None:
    response = submit(api, notify=value)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"].startswith("/notify")


def test_a_typed_call_takes_it_in_its_query(api: Api) -> None:
    address = f"/api/v1/tasks/{ADD}/jobs"
    assert api.post(f"{address}?notify=email", {"n": 1}).status_code == 202
    assert api.post(f"{address}?notify=sms", {"n": 1}).status_code == 422
    assert EmailRequest.objects.count() == 1


def test_a_bulk_refuses_it_line_by_line(api: Api) -> None:
    lines = [{"task": ADD, "args": {"n": 1}}, {"task": ADD, "args": {"n": 1}, "notify": "email"}]
    body = "\n".join(map(json.dumps, lines)).encode()
    response = api.client.post(f"{JOBS}/bulk", body, content_type="application/x-ndjson")
    first, second = map(json.loads, b"".join(response).splitlines())
    assert "id" in first
    assert second["problem"]["errors"][0]["pointer"] == "/notify"


def test_a_repeated_request_sends_one_e_mail(api: Api) -> None:
    for _ in range(2):
        headers = {"Idempotency-Key": "once"}
        response = api.submit(ADD, headers=headers, args={"n": 1}, notify="email")
        assert response.status_code in {200, 202}
    end_job()
    assert len(mail.outbox) == 1


def test_an_owner_who_is_gone_or_has_no_address_any_more_gets_nothing(api: Api) -> None:
    submit(api)
    User.objects.update(email="")
    end_job()
    assert mail.outbox == []
    assert Job.objects.get(queue="deliveries").status == Status.FAILED


def test_a_server_that_is_away_is_tried_again_and_one_that_refuses_is_not(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error, status in (
        (smtplib.SMTPServerDisconnected("away"), Status.SCHEDULED),
        (smtplib.SMTPResponseException(451, b"later"), Status.SCHEDULED),
        (smtplib.SMTPResponseException(550, b"never"), Status.FAILED),
        (smtplib.SMTPRecipientsRefused({"a": (550, b"never")}), Status.FAILED),
    ):

        def fail(_: Any, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(emails, "_send", fail)
        submit(api)
        end_job()
        assert Job.objects.filter(queue="deliveries").latest("id").status == status


# The form.


def test_the_form_offers_it_to_who_has_an_address(page: Client, ada: User) -> None:
    task = "/tasks/webapp.square/"
    text = page.get(task).content.decode()
    assert "E-mail me when it is done" in text
    assert "To ada@example.org, also if it fails." in text
    ada.email = ""
    ada.save()
    assert "E-mail me when it is done" not in page.get(task).content.decode()


def test_a_form_with_a_tick_sends_an_e_mail(page: Client, ada: User) -> None:
    response = page.post(
        "/tasks/webapp.square/",
        {"n": "7", "option-notify": "on"},
        headers={"Accept-Language": "de"},
    )
    assert response.status_code == 303
    request = EmailRequest.objects.get()
    assert (request.language, request.site) == ("de", "http://testserver/")
    page.post("/tasks/webapp.square/", {"n": "7"})
    assert EmailRequest.objects.count() == 1
