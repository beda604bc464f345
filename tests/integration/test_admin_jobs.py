"""The admin's list of jobs: escaped, bounded, filtered."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from jobs.core.formatting import STATUS_ICONS
from jobs.core.states import Status
from jobs.models import Attempt, Job
from tests.factories import make_artifact, make_job, make_user
from tests.integration.admin_pages import EVIL, LIST, change_page, listed, page, queries_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jobs_setting")]


@pytest.mark.parametrize("status", list(Status))
def test_a_status_is_shown_by_icon_label_and_colour(root: Client, status: Status) -> None:
    make_job(status=status)
    html = page(root)
    assert f"jobs-status jobs-{status.value}" in html
    assert f'<span aria-hidden="true">{STATUS_ICONS[status]}</span> {status.label}' in html


def test_the_list_is_escaped(root: Client) -> None:
    make_job(task=EVIL, queue=EVIL, owner=make_user(EVIL), error_message=EVIL)
    html = page(root)
    assert "<script>alert" not in html
    assert "<img src=x" not in html


@pytest.mark.parametrize(
    "query",
    ["", "?status=running", "?status=failed", "?task=testapp.square", "?queue=default", "?q=sq"],
)
def test_a_hundred_jobs_cost_the_queries_of_ten(root: Client, query: str) -> None:
    def fill(count: int) -> None:
        owners = User.objects.bulk_create(User(username=f"{count}-{n}") for n in range(count))
        jobs = Job.objects.bulk_create(
            Job(task="testapp.square", owner=owner, status=list(Status)[number % 6])
            for number, owner in enumerate(owners)
        )
        Attempt.objects.bulk_create(
            Attempt(job=job, number=1, ended_at=job.created_at, outcome="failed") for job in jobs
        )

    fill(10)
    few = queries_of(root, LIST + query)
    fill(110)
    many = queries_of(root, LIST + query)
    assert len(many) == len(few) <= 12


def test_the_list_counts_nothing_and_reads_no_large_column(root: Client) -> None:
    for _ in range(3):
        make_job(kwargs={"secret": "large"})
    queries = [sql for sql in queries_of(root, LIST) if '"jobs_job"' in sql or "jobs_job" in sql]
    assert queries
    for sql in queries:
        assert "COUNT(" not in sql
        assert "DISTINCT" not in sql
        assert '"jobs_job"."kwargs"' not in sql
        assert '"jobs_job"."result"' not in sql


def test_pages_go_on_without_a_count(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib import admin

    monkeypatch.setattr(admin.site._registry[Job], "list_per_page", 5)
    jobs = [make_job() for _ in range(12)]
    newest = [str(job.pk) for job in reversed(jobs)]
    assert listed(page(root)) == newest[:5]
    assert "12 jobs" in page(root)
    assert listed(page(root, p=3)) == newest[10:]
    assert root.get(f"{LIST}?p=4").status_code == 302
    assert root.get(f"{LIST}?p=99999999999999999999999").status_code == 302
    for wrong in ("0", "-1", "x", "²"):
        assert root.get(f"{LIST}?{urlencode({'p': wrong})}").status_code in (200, 302)


def test_a_table_longer_than_the_pages_ahead_is_marked_as_such(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.contrib import admin

    monkeypatch.setattr(admin.site._registry[Job], "list_per_page", 1)
    for _ in range(12):
        make_job()
    assert "more than 10 jobs" in page(root)
    assert "more than 11 jobs" in page(root, p=2)
    html = page(root, p=3)
    assert "12 jobs" in html
    assert "more than 12" not in html


def test_filters(root: Client) -> None:
    for status in Status:
        make_job(status=status, task=f"t.{status.value}", queue=f"q-{status.value}")
    for status in Status:
        for query in ({"status": status.value}, {"task": f"t.{status.value}"}):
            assert len(listed(page(root, **query))) == 1, query
        assert len(listed(page(root, queue=f"q-{status.value}"))) == 1
    assert listed(page(root, status="failed", task="t.running")) == []
    html = page(root)
    assert "?task=t.failed" in html
    assert "?status=queued" in html


def test_a_filter_by_age_reads_the_ids(root: Client) -> None:
    import uuid

    new = make_job()
    old = make_job(id=uuid.UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"))
    for since in ("hour", "day", "week"):
        assert listed(page(root, since=since)) == [str(new.pk)]
    assert listed(page(root, since="older")) == [str(old.pk)]


def test_search_by_id_and_by_task(root: Client) -> None:
    job, other = make_job(), make_job(task="other.task")
    assert listed(page(root, q=str(job.pk))) == [str(job.pk)]
    assert set(listed(page(root, q=str(job.pk)[:8]))) == {str(job.pk), str(other.pk)}
    assert listed(page(root, q="other.t")) == [str(other.pk)]
    assert listed(page(root, q="testapp.square")) == [str(job.pk)]
    assert listed(page(root, q="no such thing")) == []
    assert len(listed(page(root, q="   "))) == 2


# --- read-only --------------------------------------------------------------------------------


def test_no_user_can_add_change_or_delete_a_job(root: Client) -> None:
    job = make_job()
    before = Job.objects.values().get()
    assert root.get(f"{LIST}add/").status_code == 403
    assert root.post(change_page(job), {"status": "succeeded"}).status_code == 403
    assert root.post(f"{LIST}{job.pk}/delete/", {"post": "yes"}).status_code == 403
    root.post(LIST, {"action": "delete_selected", "_selected_action": [str(job.pk)]})
    assert Job.objects.values().get() == before


@pytest.mark.parametrize("path", [LIST, f"{LIST}dashboard/", "{change}", "{file}"])
def test_users_without_permission_see_nothing(client: Client, path: str) -> None:
    job = make_job(status=Status.SUCCEEDED)
    file = make_artifact(job)
    url = path.format(
        change=change_page(job), file=reverse("admin:jobs_job_artifact", args=[job.pk, file.pk])
    )
    assert client.get(url).status_code == 302
    client.force_login(make_user("plain"))
    assert client.get(url).status_code == 302
    client.force_login(make_user("clerk", is_staff=True))
    assert client.get(url).status_code == 403
