"""The admin's jobs: to look at, to cancel and to run again; escaped, bounded, read-only."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from jobs.files import job_storage
from jobs.models import Attempt, Job, LogChunk
from jobs.states import Ending, Status
from jobs.words import SHAPES
from tests.factories import make_artifact, make_consumer, make_job, make_user, record, take_one

from .api_tasks import SECRET

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jobs_setting")]

EVIL = "<script>alert('x')</script>&<img src=x onerror=alert(1)>"
LIST = "/admin/jobs/job/"


@pytest.fixture
def root(client: Client) -> Client:
    """A superuser's browser."""
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def looker(client: Client) -> Client:
    """A browser of someone who may look at jobs, and no more."""
    user = make_user("looker", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_job"))
    client.force_login(user)
    return client


def page(client: Client, path: str = LIST, **query: Any) -> str:
    answer = client.get(f"{path}?{urlencode(query)}" if query else path)
    assert answer.status_code == 200, answer.headers.get("Location")
    return str(answer.content.decode())


def change_page(job: Job) -> str:
    return reverse("admin:jobs_job_change", args=[job.pk])


def act(client: Client, action: str, *jobs: Job, across: bool = False) -> list[str]:
    data: dict[str, Any] = {"action": action, "_selected_action": [str(job.pk) for job in jobs]}
    if across:
        data["select_across"] = "1"
    answer = client.post(LIST, data, follow=True)
    return [str(message) for message in answer.context["messages"]]


def listed(html: str) -> list[str]:
    """The ids of the jobs on a list, in its order."""
    return re.findall(r'name="_selected_action" value="([^"]+)"', html) or re.findall(
        r"/admin/jobs/job/([0-9a-f-]{36})/change/", html
    )


# --- the list ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", list(Status))
def test_a_status_is_shown_by_shape_word_and_colour(root: Client, status: Status) -> None:
    make_job(status=status)
    html = page(root)
    assert f"jobs-status jobs-{status.value}" in html
    assert f'<span aria-hidden="true">{SHAPES[status]}</span> {status.label}' in html


def test_the_list_is_escaped(root: Client) -> None:
    make_job(task=EVIL, queue=EVIL, owner=make_user(EVIL), error_message=EVIL)
    html = page(root)
    assert "<script>alert" not in html
    assert "<img src=x" not in html


def queries_of(client: Client, path: str) -> list[str]:
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return [query["sql"] for query in seen.captured_queries]


@pytest.mark.parametrize(
    "query",
    ["", "?status=running", "?status=failed", "?task=desk.square", "?queue=default", "?q=sq"],
)
def test_a_hundred_jobs_cost_the_queries_of_ten(root: Client, query: str) -> None:
    def fill(count: int) -> None:
        owners = User.objects.bulk_create(User(username=f"{count}-{n}") for n in range(count))
        jobs = Job.objects.bulk_create(
            Job(task="desk.square", owner=owner, status=list(Status)[number % 6])
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
        make_job(args={"secret": "large"})
    queries = [sql for sql in queries_of(root, LIST) if '"jobs_job"' in sql or "jobs_job" in sql]
    assert queries
    for sql in queries:
        assert "COUNT(" not in sql
        assert "DISTINCT" not in sql
        assert '"jobs_job"."args"' not in sql
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


def test_where_looking_ahead_ends_is_said(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert listed(page(root, q="desk.square")) == [str(job.pk)]
    assert listed(page(root, q="no such thing")) == []
    assert len(listed(page(root, q="   "))) == 2


# --- wishes -----------------------------------------------------------------------------------


def test_cancelling_many_says_what_became_of_each_kind(root: Client) -> None:
    jobs = [make_job(status=status) for status in Status]
    jobs += [make_job(), make_job(status=Status.RUNNING)]
    assert set(act(root, "cancel_jobs", *jobs)) == {
        "2 jobs were running and were asked to stop.",
        "4 jobs were cancelled.",
        "2 jobs have finished and cannot be cancelled.",
    }
    assert set(Job.objects.filter(cancelled_by="root").values_list("status", flat=True)) == {
        *(Status.CANCELLED, Status.RUNNING)
    }


def test_each_outcome_of_a_cancel(root: Client) -> None:
    assert act(root, "cancel_jobs", make_job()) == ["1 job was cancelled."]
    assert act(root, "cancel_jobs", make_job(status=Status.RUNNING)) == [
        "1 job was running and was asked to stop."
    ]
    assert act(root, "cancel_jobs", make_job(status=Status.SUCCEEDED)) == [
        "1 job has finished and cannot be cancelled."
    ]


def test_each_outcome_of_running_again(root: Client) -> None:
    failed, done = make_job(status=Status.FAILED), make_job(status=Status.SUCCEEDED)
    gone = make_job(status=Status.FAILED, task="gone.task")
    assert act(root, "retry_jobs", failed) == ["1 job was put back into the queue."]
    (told,) = act(root, "retry_jobs", done)
    assert told.startswith("1 job was not run again: Only a failed or cancelled job")
    (told,) = act(root, "retry_jobs", gone)
    assert "'gone.task' is no longer in the code" in told


@pytest.mark.usefixtures("api_tasks")
def test_running_again_asks_for_the_tasks_permission(client: Client) -> None:
    from jobs.catalog import get_task

    user = make_user("operator", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_job", "change_job"]))
    client.force_login(user)
    task = "tests.permission_only"
    assert get_task(task).permission == "jobs.view_queue"
    job = make_job(status=Status.FAILED, task=task)
    (told,) = act(client, "retry_jobs", job)
    assert "You may not hand in" in told
    job.refresh_from_db()
    assert job.status == Status.FAILED
    assert act(client, "retry_jobs", make_job(status=Status.FAILED, task=SECRET)) == [
        "1 job was put back into the queue."
    ]


def test_what_was_done_is_in_the_history(root: Client) -> None:
    waiting, done = make_job(), make_job(status=Status.SUCCEEDED)
    act(root, "cancel_jobs", waiting, done)
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.get_change_message()) == (str(waiting.pk), "Cancelled")


def test_a_thousand_at_a_time(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs.admin import job as module

    monkeypatch.setattr(module, "MOST", 2)
    jobs = [make_job() for _ in range(3)]
    assert act(root, "cancel_jobs", *jobs, across=True) == [
        "2 jobs were cancelled.",
        "At most 2 jobs at a time. Do it again for the rest.",
    ]


def test_who_may_only_look_has_no_actions(looker: Client) -> None:
    job = make_job()
    html = page(looker)
    assert "Cancel the selected" not in html
    looker.post(LIST, {"action": "cancel_jobs", "_selected_action": [str(job.pk)]})
    job.refresh_from_db()
    assert job.status == Status.QUEUED
    for button in ("cancel", "retry"):
        assert looker.post(f"{LIST}{job.pk}/{button}/").status_code == 403
    assert "Cancel this job" not in page(looker, change_page(job))


@pytest.mark.parametrize(
    ("status", "button"),
    [
        (Status.QUEUED, "cancel"),
        (Status.SCHEDULED, "cancel"),
        (Status.RUNNING, "cancel"),
        (Status.FAILED, "retry"),
        (Status.CANCELLED, "retry"),
        (Status.SUCCEEDED, None),
    ],
)
def test_a_jobs_page_has_the_button_that_helps(
    root: Client, status: Status, button: str | None
) -> None:
    job = make_job(status=status)
    html = page(root, change_page(job))
    for one in ("cancel", "retry"):
        assert (f'action="{LIST}{job.pk}/{one}/"' in html) == (one == button)
    if button:
        assert root.get(f"{LIST}{job.pk}/{button}/").status_code == 405
        answer = root.post(f"{LIST}{job.pk}/{button}/", follow=True)
        assert answer.status_code == 200
        before, version = job.status, job.version
        job.refresh_from_db()
        assert (job.status, job.version) != (before, version)


# --- one job in full --------------------------------------------------------------------------


def test_everything_that_came_from_outside_is_escaped(root: Client) -> None:
    consumer = make_consumer(host=EVIL)
    job = make_job(
        status=Status.FAILED,
        task=EVIL,
        queue=EVIL,
        args={EVIL: EVIL},
        error_type=EVIL,
        error_message=EVIL,
        progress_done=3,
        progress_message=EVIL,
        cancelled_by=EVIL,
        unique_key=EVIL,
        idempotency_key=EVIL,
        owner=make_user(EVIL),
        log_size=len(EVIL),
        consumer_id=consumer.pk,
    )
    Attempt.objects.create(
        job=job,
        number=1,
        consumer=EVIL,
        ended_at=job.created_at,
        outcome=Ending.FAILED,
        error_type=EVIL,
        message=EVIL,
        traceback=EVIL,
    )
    LogChunk.objects.create(job=job, start=0, text=EVIL)
    make_artifact(job, "a&b<c>.svg")
    html = page(root, change_page(job))
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "a&amp;b&lt;c&gt;.svg" in html
    assert html.count("&lt;script&gt;alert") >= 8


def test_args_result_attempts_log_and_files_are_there(root: Client) -> None:
    job = make_job(
        status=Status.SUCCEEDED,
        args={"n": 7},
        result=["seven"],
        attempt=2,
        failures=1,
        log_size=9,
        progress_done=620_000,
        progress_total=1_000_000,
    )
    for number, outcome in ((1, Ending.TIMED_OUT), (2, Ending.SUCCEEDED)):
        Attempt.objects.create(
            job=job,
            number=number,
            started_at=job.created_at,
            ended_at=job.created_at,
            outcome=outcome,
            error_type="Timeout" if number == 1 else "",
            traceback="where it was" if number == 1 else "",
        )
    LogChunk.objects.create(job=job, start=0, text="said ")
    LogChunk.objects.create(job=job, start=5, text="more")
    make_artifact(job, "plot.svg")
    html = page(root, change_page(job))
    for part in (
        "&quot;n&quot;: 7",
        "seven",
        "timed out",
        "where it was",
        "said more",
        "plot.svg",
        "620,000 of 1,000,000",
    ):
        assert part in html, part


def test_only_the_end_of_a_long_story_is_shown(root: Client) -> None:
    job = make_job(attempt=1000, log_size=100_000)
    for number in range(900, 1001):
        Attempt.objects.create(
            job=job, number=number, consumer=f"c{number}", ended_at=job.created_at, outcome="lost"
        )
    for start in range(0, 100_000, 1000):
        LogChunk.objects.create(job=job, start=start, text=f"{start:06}" + "x" * 994)
    html = page(root, change_page(job))
    assert "c1000" in html
    assert "c950<" not in html
    assert "099000" in html
    assert "079000" not in html
    assert "80,000 characters before" in html


def test_the_pages_of_a_job_are_bounded_too(root: Client) -> None:
    job = make_job(status=Status.FAILED)
    few = queries_of(root, change_page(job))
    for number in range(1, 41):
        Attempt.objects.create(job=job, number=number, ended_at=job.created_at, outcome="lost")
        make_artifact(job, f"f{number}")
    Job.objects.update(attempt=40)
    assert len(queries_of(root, change_page(job))) == len(few) <= 12


def test_a_file_is_sent_as_a_file_only(root: Client) -> None:
    job = make_job(status=Status.SUCCEEDED)
    artifact = make_artifact(job, "plöt.svg", b"<svg onload=alert(1)>")
    url = reverse("admin:jobs_job_artifact", args=[job.pk, artifact.pk])
    answer = root.get(url)
    assert b"".join(answer.streaming_content) == b"<svg onload=alert(1)>"  # type: ignore[attr-defined]
    assert answer["Content-Disposition"].startswith("attachment;")
    assert answer["X-Content-Type-Options"] == "nosniff"
    other = make_job()
    assert root.get(url.replace(str(job.pk), str(other.pk))).status_code == 404
    job_storage().delete(artifact.file)
    assert root.get(url).status_code == 404


def test_a_job_leads_to_its_own_page_where_there_are_pages(root: Client, settings: Any) -> None:
    job = make_job()
    assert f'href="/jobs/{job.pk}/"' in page(root, change_page(job))
    settings.ROOT_URLCONF = "tests.integration.admin_only"
    assert f'href="/jobs/{job.pk}/"' not in page(root, change_page(job))


def test_a_running_job_leads_to_its_consumer(root: Client) -> None:
    consumer = make_consumer()
    record()
    job = Job.objects.get(pk=take_one(consumer=consumer.pk).id)
    assert f"/admin/jobs/consumer/{consumer.pk}/change/" in page(root, change_page(job))


# --- read-only --------------------------------------------------------------------------------


def test_nobody_adds_changes_or_deletes_a_job(root: Client) -> None:
    job = make_job()
    before = Job.objects.values().get()
    assert root.get(f"{LIST}add/").status_code == 403
    assert root.post(change_page(job), {"status": "succeeded"}).status_code == 403
    assert root.post(f"{LIST}{job.pk}/delete/", {"post": "yes"}).status_code == 403
    root.post(LIST, {"action": "delete_selected", "_selected_action": [str(job.pk)]})
    assert Job.objects.values().get() == before


@pytest.mark.parametrize("path", [LIST, f"{LIST}dashboard/", "{change}", "{file}"])
def test_who_may_not_look_sees_nothing(client: Client, path: str) -> None:
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
