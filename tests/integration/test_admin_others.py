"""The rest of the admin: queues, consumers, quarantine, tokens, uploads."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from jobs.core.states import Status
from jobs.models import Consumer, QuarantinedMessage, Queue, Token, Upload, UploadUse, Webhook
from tests.factories import make_consumer, make_job, make_upload, make_user
from tests.integration.admin_pages import EVIL, page, queries_of, staff
from tests.integration.webhook_steps import hook

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jobs_setting")]

QUEUES, CONSUMERS, TOKENS = "/admin/jobs/queue/", "/admin/jobs/consumer/", "/admin/jobs/token/"
QUARANTINE, UPLOADS = "/admin/jobs/quarantinedmessage/", "/admin/jobs/upload/"
WEBHOOKS = "/admin/jobs/webhook/"


def messages_of(client: Client, path: str, data: dict[str, Any]) -> list[str]:
    answer = client.post(path, data, follow=True)
    assert answer.status_code == 200
    return [str(message) for message in answer.context["messages"]]


def cells(html: str, column: str) -> list[str]:
    found = re.findall(rf'field-{column}[^>]*">(.*?)</t[dh]>', html, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in found]


@pytest.mark.parametrize("path", [QUEUES, CONSUMERS, TOKENS, QUARANTINE, UPLOADS, WEBHOOKS])
def test_every_list_is_shown_and_no_row_can_be_added(root: Client, path: str) -> None:
    page(root, path)
    assert root.get(f"{path}add/").status_code == (200 if path == TOKENS else 403)


# --- queues -----------------------------------------------------------------------------------


class TestQueues:
    def test_the_list_inserts_a_row_for_each_queue(self, root: Client) -> None:
        make_job(queue="left-over")
        make_consumer(["served"])
        assert not Queue.objects.exists()
        html = page(root, QUEUES)
        assert cells(html, "name") == ["default", "left-over", "mail", "served"]
        assert set(cells(html, "state")) == {"open"}
        with CaptureQueriesContext(connection) as seen:
            page(root, QUEUES)
        assert not [q for q in seen.captured_queries if q["sql"].startswith("INSERT")]

    def test_the_stats_of_each_queue(self, root: Client) -> None:
        for status in (Status.QUEUED, Status.QUEUED, Status.SCHEDULED, Status.RUNNING):
            make_job(status=status)
        make_job(queue="mail")
        make_consumer(["default"])
        make_consumer(["default"], heartbeat_at=timezone.now() - timedelta(hours=1))
        html = page(root, QUEUES)
        assert cells(html, "waiting") == ["2", "1"]
        assert cells(html, "later") == ["1", "0"]
        assert cells(html, "running") == ["1", "0"]
        assert cells(html, "served_by") == ["1 consumer", "nobody"]

    def test_pause_and_open(self, root: Client) -> None:
        page(root, QUEUES)
        data = {"_selected_action": ["default", "mail"]}
        assert messages_of(root, QUEUES, {"action": "pause", **data}) == [
            "The queue default is paused: nothing more is taken from it.",
            "The queue mail is paused: nothing more is taken from it.",
        ]
        assert set(Queue.objects.values_list("paused", flat=True)) == {True}
        assert "paused" in page(root, "/admin/jobs/queue/default/change/")
        data = {"_selected_action": ["mail"]}
        assert messages_of(root, QUEUES, {"action": "unpause", **data}) == [
            "The queue mail is open: its jobs are taken again."
        ]
        assert not Queue.objects.get(name="mail").paused

    def test_who_paused_a_queue_is_in_its_history(self, root: Client) -> None:
        page(root, QUEUES)
        for action, said in (("pause", "Now paused"), ("unpause", "Now open")):
            root.post(QUEUES, {"action": action, "_selected_action": ["default"]})
            entry = LogEntry.objects.latest("pk")
            assert (entry.object_id, entry.get_change_message()) == ("default", said)
            assert entry.user.get_username() == "root"
            assert said in page(root, "/admin/jobs/queue/default/history/")

    def test_a_queue_without_a_consumer_shows_the_command_that_starts_one(
        self, root: Client
    ) -> None:
        page(root, QUEUES)
        html = page(root, "/admin/jobs/queue/mail/change/")
        assert "python manage.py runconsumers --queues mail" in html
        make_consumer(["mail"], host="somewhere")
        assert "somewhere:7" in page(root, "/admin/jobs/queue/mail/change/")

    def test_users_who_may_only_view_cannot_pause(self, client: Client) -> None:
        staff(client, "view_queue")
        assert "Pause the selected" not in page(client, QUEUES)
        client.post(QUEUES, {"action": "pause", "_selected_action": ["default"]})
        assert not Queue.objects.filter(paused=True).exists()

    def test_many_queues_cost_the_queries_of_one(self, root: Client) -> None:
        few = len(queries_of(root, QUEUES))
        for number in range(30):
            make_consumer([f"q{number}"])
        assert len(queries_of(root, QUEUES)) == few <= 13


# --- consumers --------------------------------------------------------------------------------


class TestConsumers:
    @pytest.mark.usefixtures("frozen_clock")
    def test_alive_silent_and_dead(self, root: Client) -> None:
        now = timezone.now()
        make_consumer(dead_at=now, host="c")
        make_consumer(heartbeat_at=now - timedelta(minutes=5), host="b")
        make_consumer(["default", "mail"], host="a", concurrency=3)
        html = page(root, CONSUMERS)
        assert cells(html, "host") == ["a", "b", "c"]
        assert cells(html, "state") == ["alive", "silent for 5 m", "dead"]
        assert cells(html, "last_heartbeat")[:2] == ["just now", "5 min ago"]
        assert cells(html, "queue_names")[0] == "default, mail"

    def test_read_only(self, root: Client) -> None:
        row = make_consumer()
        change = reverse("admin:jobs_consumer_change", args=[row.pk])
        page(root, change)
        assert root.post(change, {"host": "x"}).status_code == 403
        assert root.post(change.replace("change", "delete"), {"post": "yes"}).status_code == 403
        assert Consumer.objects.exists()


# --- quarantine -------------------------------------------------------------------------------


class TestQuarantine:
    def test_it_is_shown_escaped_and_may_be_deleted(self, root: Client) -> None:
        row = QuarantinedMessage.objects.create(queue=EVIL, broker="redis", reason=EVIL, body=EVIL)
        change = reverse("admin:jobs_quarantinedmessage_change", args=[row.pk])
        for path in (QUARANTINE, change):
            html = page(root, path)
            assert "<script>alert" not in html
            assert "&lt;script&gt;alert" in html
        assert root.post(change, {"reason": "x"}).status_code == 403
        root.post(change.replace("change", "delete"), {"post": "yes"})
        assert not QuarantinedMessage.objects.exists()


# --- tokens -----------------------------------------------------------------------------------


class TestTokens:
    def test_a_token_is_shown_once(self, root: Client) -> None:
        user = make_user()
        answer = root.post(f"{TOKENS}add/", {"user": user.pk, "name": "laptop"})
        assert answer.status_code == 200
        assert "no-store" in answer.headers["Cache-Control"]
        row = Token.objects.get()
        (text,) = re.findall(r"jd_[\w-]{43}", answer.content.decode())
        assert Token.objects.find(text) == row
        assert text not in str(answer.cookies) + str(root.cookies)
        assert "messages" not in root.cookies
        assert (row.user, row.name) == (user, "laptop")
        for path in (TOKENS, f"{TOKENS}{row.pk}/change/", f"{TOKENS}{row.pk}/history/"):
            html = page(root, path)
            assert text not in html
            assert row.digest not in html
            assert "laptop" in html

    def test_what_it_can_do_is_chosen(self, root: Client) -> None:
        form = page(root, f"{TOKENS}add/")
        assert all(f'value="{scope}"' in form for scope in ("read", "submit", "operate", "work"))
        asked = {"user": make_user().pk, "name": "n", "scopes": ["read"], "queues": ["mail"]}
        root.post(f"{TOKENS}add/", {**asked, "lifetime": "30d", "tasks": ["testapp.square"]})
        row = Token.objects.get()
        assert (row.scopes, row.tasks, row.queues) == ("read", "testapp.square", "mail")
        assert row.expires_at is not None
        html = page(root, f"{TOKENS}{row.pk}/change/")
        assert all(name in html for name in ("read", "testapp.square", "mail"))
        answer = root.post(f"{TOKENS}add/", {**asked, "lifetime": "soon"})
        assert "Give a time such as 90m" in answer.content.decode()
        assert Token.objects.count() == 1

    def test_it_can_be_replaced(self, root: Client, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO", "jobs.audit")
        user = make_user()
        row, old = Token.objects.issue(user, "ci")
        data = {"action": "rotate", "_selected_action": [row.pk]}
        answer = root.post(TOKENS, data)
        assert "no-store" in answer.headers["Cache-Control"]
        (text,) = re.findall(r"jd_[\w-]{43}", answer.content.decode())
        new = Token.objects.find(text)
        assert new is not None
        assert (new.user, new.name) == (user, "ci")
        assert Token.objects.find(old) == row
        assert f'did=rotate user="root" by=session token={row.pk}' in caplog.text
        assert "replaced already" in messages_of(root, TOKENS, data)[0]

    def test_it_can_be_revoked_and_not_changed(self, root: Client) -> None:
        row, text = Token.objects.issue(make_user(), "n")
        assert root.post(f"{TOKENS}{row.pk}/change/", {"name": "x"}).status_code == 403
        html = page(root, f"{TOKENS}{row.pk}/delete/")
        assert row.digest not in html
        root.post(f"{TOKENS}{row.pk}/delete/", {"post": "yes"})
        assert Token.objects.find(text) is None

    def test_users_who_are_not_superusers_manage_only_their_own(self, client: Client) -> None:
        clerk = staff(client, "add_token", "view_token", "delete_token")
        root = User.objects.create_superuser("root")
        other, _ = Token.objects.issue(root, "other's")
        assert 'name="user"' not in page(client, f"{TOKENS}add/")
        client.post(f"{TOKENS}add/", {"user": root.pk, "name": "mine"})
        mine = Token.objects.get(name="mine")
        assert mine.user == clerk
        html = page(client, TOKENS)
        assert "mine" in html
        assert "other" not in html
        assert client.get(f"{TOKENS}{other.pk}/change/").status_code == 302
        client.post(f"{TOKENS}{other.pk}/delete/", {"post": "yes"})
        client.post(
            TOKENS, {"action": "delete_selected", "_selected_action": [other.pk], "post": "y"}
        )
        assert set(Token.objects.all()) == {mine, other}

    def test_many_tokens_cost_the_queries_of_one(self, root: Client) -> None:
        Token.objects.issue(make_user("u"))
        few = len(queries_of(root, TOKENS))
        for number in range(20):
            Token.objects.issue(make_user(f"u{number}"))
        assert len(queries_of(root, TOKENS)) == few


# --- uploads ----------------------------------------------------------------------------------


class TestUploads:
    def test_whether_a_job_uses_it(self, root: Client) -> None:
        used, unused = make_upload(make_user(), name="used.log"), make_upload(name=EVIL)
        UploadUse.objects.create(upload=used, job=make_job())
        html = page(root, UPLOADS)
        assert "used.log" in html
        assert EVIL not in html
        assert cells(html, "size_shown") == ["4 B", "4 B"]
        assert re.findall(r'alt="(True|False)"', html) == ["False", "True"]
        page(root, reverse("admin:jobs_upload_change", args=[unused.pk]))

    def test_read_only(self, root: Client) -> None:
        change = reverse("admin:jobs_upload_change", args=[make_upload().pk])
        assert root.post(change, {"name": "x"}).status_code == 403
        assert root.post(change.replace("change", "delete"), {"post": "yes"}).status_code == 403
        assert Upload.objects.exists()

    def test_many_uploads_cost_the_queries_of_one(self, root: Client) -> None:
        make_upload(make_user("u"))
        few = len(queries_of(root, UPLOADS))
        for number in range(20):
            make_upload(make_user(f"u{number}"))
        assert len(queries_of(root, UPLOADS)) == few


# --- webhooks ---------------------------------------------------------------------------------


class TestWebhooks:
    def test_they_are_listed_without_their_secrets(self, root: Client, ada: User) -> None:
        webhook = hook(ada, "https://8.8.8.8/hook")
        shown = page(root, WEBHOOKS) + page(root, f"{WEBHOOKS}{webhook.pk}/change/")
        assert webhook.url in shown
        assert webhook.secret not in shown
        assert cells(shown, "state")[0] == "enabled"

    def test_they_are_disabled_and_deleted(self, root: Client, ada: User) -> None:
        webhook = hook(ada, "https://8.8.8.8/hook")
        data = {"_selected_action": [str(webhook.pk)]}
        said = messages_of(root, WEBHOOKS, {"action": "disable", **data})
        assert said == ["1 webhook disabled."]
        webhook.refresh_from_db()
        assert (webhook.enabled, webhook.disabled_reason) == (False, "Disabled by root.")
        root.post(f"{WEBHOOKS}{webhook.pk}/delete/", {"post": "yes"})
        assert not Webhook.objects.exists()

    def test_who_may_look_may_not_disable(self, client: Client, ada: User) -> None:
        hook(ada, "https://8.8.8.8/hook")
        staff(client, "view_webhook")
        assert "Disable the selected" not in page(client, WEBHOOKS)
