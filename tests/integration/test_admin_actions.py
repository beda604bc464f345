"""Cancelling and running again in the admin, one by one and a thousand at a time."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from jobs.core.states import Status
from jobs.models import Job
from tests.factories import make_job, make_user
from tests.integration.admin_pages import LIST, change_page, page
from tests.integration.api_tasks import SECRET

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jobs_setting")]


def act(client: Client, action: str, *jobs: Job, across: bool = False) -> list[str]:
    data: dict[str, Any] = {"action": action, "_selected_action": [str(job.pk) for job in jobs]}
    if across:
        data["select_across"] = "1"
    answer = client.post(LIST, data, follow=True)
    return [str(message) for message in answer.context["messages"]]


# --- actions ----------------------------------------------------------------------------------


def test_cancelling_many_jobs_reports_each_kind_of_outcome(root: Client) -> None:
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
    (message,) = act(root, "retry_jobs", done)
    assert message.startswith("1 job was not run again: Only a failed or cancelled job")
    (message,) = act(root, "retry_jobs", gone)
    assert "'gone.task' is no longer in the code" in message


@pytest.mark.usefixtures("api_tasks")
def test_running_again_asks_for_the_tasks_permission(client: Client) -> None:
    from jobs.catalog import get_task

    user = make_user("operator", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_job", "change_job"]))
    client.force_login(user)
    task = "tests.permission_only"
    assert get_task(task).permission == "jobs.view_queue"
    job = make_job(status=Status.FAILED, task=task)
    (message,) = act(client, "retry_jobs", job)
    assert "You may not hand in" in message
    job.refresh_from_db()
    assert job.status == Status.FAILED
    assert act(client, "retry_jobs", make_job(status=Status.FAILED, task=SECRET)) == [
        "1 job was put back into the queue."
    ]


def test_actions_are_in_the_history(root: Client) -> None:
    waiting, done = make_job(), make_job(status=Status.SUCCEEDED)
    act(root, "cancel_jobs", waiting, done)
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.get_change_message()) == (str(waiting.pk), "Cancelled")


def test_an_action_changes_a_limited_number_of_jobs(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobs.admin import job as module

    monkeypatch.setattr(module, "MAX_JOBS", 2)
    jobs = [make_job() for _ in range(3)]
    assert act(root, "cancel_jobs", *jobs, across=True) == [
        "2 jobs were cancelled.",
        "At most 2 jobs at a time. Do it again for the rest.",
    ]


def test_users_who_may_only_view_have_no_actions(looker: Client) -> None:
    job = make_job()
    html = page(looker)
    assert "Cancel the selected" not in html
    looker.post(LIST, {"action": "cancel_jobs", "_selected_action": [str(job.pk)]})
    job.refresh_from_db()
    assert job.status == Status.QUEUED
    for button in ("cancel", "retry"):
        assert looker.post(f"{LIST}{job.pk}/{button}/").status_code == 403
    assert "Cancel this job" not in page(looker, change_page(job))
