"""The admin's dashboard."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from jobs.admin import dashboard as module
from jobs.admin.dashboard import dashboard, finished_per_hour
from jobs.core.states import Status
from jobs.models import Attempt, Job
from tests.factories import make_consumer, make_job
from tests.integration.admin_pages import EVIL, page, queries_of, staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jobs_setting")]

DASHBOARD = "/admin/jobs/job/dashboard/"


# --- the dashboard ----------------------------------------------------------------------------


class TestDashboard:
    def test_it_is_on_top_of_the_admins_index(self, root: Client) -> None:
        make_job()
        make_consumer(["mail"], host="somewhere")
        html = page(root, "/admin/")
        assert html.index("jobs-dashboard") < html.index("/admin/auth/user/")
        for part in ("Dashboard", "<svg", "somewhere:7", "/admin/jobs/job/?queue=default"):
            assert part in html
        assert "jobs-dashboard" in page(root, DASHBOARD)

    def test_users_who_may_not_view_jobs_get_djangos_index(self, client: Client) -> None:
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
        monkeypatch.setattr(module, "HOUR_CAP", 2)
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
        make_consumer(["mail"], heartbeat_at=timezone.now() - timedelta(hours=1))
        make_consumer(["mail"], dead_at=timezone.now())
        found = dashboard()
        assert [(one.name, one.scheduled, len(one.consumers)) for one in found.queues] == [
            *(("default", 0, 0), ("mail", 1, 1))
        ]
        assert found.alive == 1
        assert len(found.consumers) == 2

    def test_it_needs_the_same_queries_however_many_jobs_there_are(self, root: Client) -> None:
        few = len(queries_of(root, "/admin/"))
        for number in range(60):
            job = make_job(status=list(Status)[number % 6], task=f"t{number}", queue=f"q{number}")
            Attempt.objects.create(job=job, number=1, ended_at=timezone.now(), outcome="failed")
        for number in range(20):
            make_consumer([f"q{number}"])
        assert len(queries_of(root, "/admin/")) == few <= 12

    def test_a_project_keeps_its_own_index_template(self) -> None:
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


def test_an_empty_dashboard(root: Client) -> None:
    assert not Job.objects.exists()
    html = page(root, "/admin/")
    assert "No job has finished in the last 24 hours." in html
    assert "No job failed." in html
    assert "python manage.py runconsumers" in html
