"""The rest of the admin: queues, consumers, quarantine, tokens, uploads, and the dashboard."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from jobs.admin import dashboard as module
from jobs.admin.dashboard import dashboard, finished_per_hour
from jobs.models import Attempt, Consumer, Job, QuarantinedMessage, Queue, Token, Upload, UploadUse
from jobs.states import Status
from tests.factories import make_consumer, make_job, make_upload, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jobs_setting")]

EVIL = "<script>alert('x')</script>"
QUEUES, CONSUMERS, TOKENS = "/admin/jobs/queue/", "/admin/jobs/consumer/", "/admin/jobs/token/"
QUARANTINE, UPLOADS = "/admin/jobs/quarantinedmessage/", "/admin/jobs/upload/"
DASHBOARD = "/admin/jobs/job/dashboard/"


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def staff(client: Client, *codenames: str) -> User:
    user = make_user("clerk", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def told(client: Client, path: str, data: dict[str, Any]) -> list[str]:
    answer = client.post(path, data, follow=True)
    assert answer.status_code == 200
    return [str(message) for message in answer.context["messages"]]


def cells(html: str, column: str) -> list[str]:
    found = re.findall(rf'field-{column}[^>]*">(.*?)</t[dh]>', html, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in found]


def queries_of(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        page(client, path)
    return len(seen)


@pytest.mark.parametrize("path", [QUEUES, CONSUMERS, TOKENS, QUARANTINE, UPLOADS])
def test_every_list_is_shown_and_its_rows_are_made_by_nobody(root: Client, path: str) -> None:
    page(root, path)
    assert root.get(f"{path}add/").status_code == (200 if path == TOKENS else 403)


# --- queues -----------------------------------------------------------------------------------


class TestQueues:
    def test_a_row_for_each_queue_is_made_when_it_is_looked_for(self, root: Client) -> None:
        make_job(queue="left-over")
        make_consumer(["served"])
        assert not Queue.objects.exists()
        html = page(root, QUEUES)
        assert cells(html, "name") == ["default", "left-over", "mail", "served"]
        assert set(cells(html, "state")) == {"open"}
        with CaptureQueriesContext(connection) as seen:
            page(root, QUEUES)
        assert not [q for q in seen.captured_queries if q["sql"].startswith("INSERT")]

    def test_what_is_in_each(self, root: Client) -> None:
        for status in (Status.QUEUED, Status.QUEUED, Status.SCHEDULED, Status.RUNNING):
            make_job(status=status)
        make_job(queue="mail")
        make_consumer(["default"])
        make_consumer(["default"], beat_at=timezone.now() - timedelta(hours=1))
        html = page(root, QUEUES)
        assert cells(html, "waiting") == ["2", "1"]
        assert cells(html, "later") == ["1", "0"]
        assert cells(html, "running") == ["1", "0"]
        assert cells(html, "served_by") == ["1 consumer", "nobody"]

    def test_pause_and_open(self, root: Client) -> None:
        page(root, QUEUES)
        data = {"_selected_action": ["default", "mail"]}
        assert told(root, QUEUES, {"action": "pause", **data}) == [
            "The queue default is paused: nothing more is taken from it.",
            "The queue mail is paused: nothing more is taken from it.",
        ]
        assert set(Queue.objects.values_list("paused", flat=True)) == {True}
        assert "paused" in page(root, "/admin/jobs/queue/default/change/")
        data = {"_selected_action": ["mail"]}
        assert told(root, QUEUES, {"action": "open_again", **data}) == [
            "The queue mail is open: its jobs are taken again."
        ]
        assert not Queue.objects.get(name="mail").paused

    def test_what_to_do_about_a_queue_that_nobody_serves(self, root: Client) -> None:
        page(root, QUEUES)
        html = page(root, "/admin/jobs/queue/mail/change/")
        assert "python manage.py runconsumers --queues mail" in html
        make_consumer(["mail"], host="somewhere")
        assert "somewhere:7" in page(root, "/admin/jobs/queue/mail/change/")

    def test_who_may_only_look_cannot_pause(self, client: Client) -> None:
        staff(client, "view_queue")
        assert "Pause the selected" not in page(client, QUEUES)
        client.post(QUEUES, {"action": "pause", "_selected_action": ["default"]})
        assert not Queue.objects.filter(paused=True).exists()

    def test_many_queues_cost_the_queries_of_one(self, root: Client) -> None:
        few = queries_of(root, QUEUES)
        for number in range(30):
            make_consumer([f"q{number}"])
        assert queries_of(root, QUEUES) == few <= 13


# --- consumers --------------------------------------------------------------------------------


class TestConsumers:
    def test_alive_silent_and_dead(self, root: Client) -> None:
        now = timezone.now()
        make_consumer(dead_at=now, host="c")
        make_consumer(beat_at=now - timedelta(minutes=5), host="b")
        make_consumer(["default", "mail"], host="a", concurrency=3)
        html = page(root, CONSUMERS)
        assert cells(html, "host") == ["a", "b", "c"]
        assert cells(html, "state") == ["alive", "silent for 5 m", "dead"]
        assert cells(html, "last_beat")[:2] == ["just now", "5 min ago"]
        assert cells(html, "serves")[0] == "default, mail"

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
        messages = told(root, f"{TOKENS}add/", {"user": user.pk, "name": "laptop"})
        row = Token.objects.get()
        text = messages[0].rpartition(" ")[2]
        assert messages[0].startswith("Copy this token now")
        assert Token.objects.find(text) == row
        assert (row.user, row.name) == (user, "laptop")
        for path in (TOKENS, f"{TOKENS}{row.pk}/change/", f"{TOKENS}{row.pk}/history/"):
            html = page(root, path)
            assert text not in html
            assert row.digest not in html
            assert "laptop" in html

    def test_it_can_be_revoked_and_not_changed(self, root: Client) -> None:
        row, text = Token.objects.issue(make_user(), "n")
        assert root.post(f"{TOKENS}{row.pk}/change/", {"name": "x"}).status_code == 403
        html = page(root, f"{TOKENS}{row.pk}/delete/")
        assert row.digest not in html
        root.post(f"{TOKENS}{row.pk}/delete/", {"post": "yes"})
        assert Token.objects.find(text) is None

    def test_who_is_no_superuser_has_only_his_own(self, client: Client) -> None:
        clerk = staff(client, "add_token", "view_token", "delete_token")
        root = User.objects.create_superuser("root")
        other, _ = Token.objects.issue(root, "other's")
        assert 'name="user"' not in page(client, f"{TOKENS}add/")
        told(client, f"{TOKENS}add/", {"user": root.pk, "name": "mine"})
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
        few = queries_of(root, TOKENS)
        for number in range(20):
            Token.objects.issue(make_user(f"u{number}"))
        assert queries_of(root, TOKENS) == few


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
        few = queries_of(root, UPLOADS)
        for number in range(20):
            make_upload(make_user(f"u{number}"))
        assert queries_of(root, UPLOADS) == few


# --- the dashboard ----------------------------------------------------------------------------


class TestDashboard:
    def test_it_heads_the_admins_index(self, root: Client) -> None:
        make_job()
        make_consumer(["mail"], host="somewhere")
        html = page(root, "/admin/")
        assert html.index("jobs-dashboard") < html.index("/admin/auth/user/")
        for part in ("Dashboard", "<svg", "somewhere:7", "/admin/jobs/job/?queue=default"):
            assert part in html
        assert "jobs-dashboard" in page(root, DASHBOARD)

    def test_who_may_not_see_jobs_has_djangos_index(self, client: Client) -> None:
        staff(client, "view_user")
        html = page(client, "/admin/")
        assert "jobs-dashboard" not in html
        assert "/admin/auth/user/" in html

    def test_nothing_in_it_is_inline(self, root: Client) -> None:
        """A policy of default-src 'self' would drop it."""
        make_job(status=Status.FAILED, error_type=EVIL, task=EVIL, queue=EVIL)
        make_consumer([EVIL], host=EVIL)
        for path in ("/admin/", DASHBOARD):
            html = page(root, path)
            assert not re.search(r"<[^>]+\s(style|on\w+)=", html)
            assert not re.search(r"<style|<script(?![^>]*\ssrc=)", html)
            assert "<script>alert" not in html

    def test_finished_jobs_are_counted_by_the_hour(self) -> None:
        now = timezone.now().replace(minute=30, second=0, microsecond=0)
        for hours, count in ((0, 3), (1, 2), (23, 1), (24, 7)):
            for _ in range(count):
                make_job(status=Status.SUCCEEDED, finished_at=now - timedelta(hours=hours))
        make_job()
        bars = finished_per_hour(now)
        assert len(bars) == 24
        assert [bar.count for bar in bars[-2:]] == [2, 3]
        assert bars[0].count == 1
        assert sum(bar.count for bar in bars) == 6
        assert (bars[-1].start, bars[0].start) == (
            *(now.replace(minute=0), now.replace(minute=0) - timedelta(hours=23)),
        )

    def test_counting_stops_at_a_cap(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "MOST_AN_HOUR", 2)
        now = timezone.now()
        for _ in range(3):
            make_job(status=Status.SUCCEEDED, finished_at=now)
        assert finished_per_hour(now)[-1].count == 2

    def test_failures_by_task(self) -> None:
        now = timezone.now()
        for task, error in (("a", "Old"), ("b", "E"), ("a", "New")):
            make_job(status=Status.FAILED, task=task, error_type=error)
        make_job(status=Status.FAILED, task="c", finished_at=now - timedelta(days=2))
        make_job(status=Status.CANCELLED, task="d")
        found = dashboard().failing
        assert [(one.task, one.count, one.error) for one in found] == [
            ("a", 2, "New"),
            ("b", 1, "E"),
        ]

    def test_the_slowest_tasks(self) -> None:
        now = timezone.now()
        for task, seconds in (("quick", 1), ("slow", 10), ("slow", 30)):
            make_job(
                status=Status.SUCCEEDED,
                task=task,
                started_at=now - timedelta(seconds=seconds),
                finished_at=now,
            )
        make_job(status=Status.FAILED, task="failed", started_at=now - timedelta(days=1))
        slow, quick = dashboard().slowest
        assert (slow.task, slow.runs, slow.longest) == ("slow", 2, 30)
        assert slow.mean == pytest.approx(20)
        assert quick.task == "quick"

    def test_queues_and_consumers(self) -> None:
        make_job(queue="mail", status=Status.SCHEDULED)
        make_consumer(["mail"])
        make_consumer(["mail"], beat_at=timezone.now() - timedelta(hours=1))
        make_consumer(["mail"], dead_at=timezone.now())
        found = dashboard()
        assert [(one.name, one.scheduled, len(one.consumers)) for one in found.queues] == [
            *(("default", 0, 0), ("mail", 1, 1))
        ]
        assert found.alive == 1
        assert len(found.consumers) == 2

    def test_it_costs_the_same_however_full_the_desk_is(self, root: Client) -> None:
        few = queries_of(root, "/admin/")
        for number in range(60):
            job = make_job(status=list(Status)[number % 6], task=f"t{number}", queue=f"q{number}")
            Attempt.objects.create(job=job, number=1, ended_at=timezone.now(), outcome="failed")
        for number in range(20):
            make_consumer([f"q{number}"])
        assert queries_of(root, "/admin/") == few <= 12

    def test_a_project_keeps_the_index_that_it_chose(self) -> None:
        assert admin.site.index_template == "jobs/admin/index.html"
        from importlib import reload

        import jobs.admin

        site = admin.site
        before = site.index_template
        site.index_template = "mine.html"
        try:
            reload(jobs.admin)
            assert site.index_template == "mine.html"
        finally:
            site.index_template = before


def test_the_pages_say_nothing_of_jobs_that_are_not_there(root: Client) -> None:
    assert not Job.objects.exists()
    html = page(root, "/admin/")
    assert "No job has finished in the last 24 hours." in html
    assert "No job failed." in html
    assert "python manage.py runconsumers" in html
