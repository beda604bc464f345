"""The backend of Django's tasks framework, on ``django.tasks`` and on its backport alike."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from jobs.backend import JobsBackend
from jobs.compat import (
    InvalidTask,
    Task,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
    task,
    task_backends,
    task_enqueued,
)
from jobs.conf import get_conf
from jobs.core.states import AttemptOutcome, Status
from jobs.errors import InvalidArguments
from jobs.models import Job
from jobs.submission.task_result import STATUSES
from tests.factories import end, make_job, take_one
from tests.testapp import tasks

pytestmark = pytest.mark.django_db

square: Any = tasks.square
plain: Any = tasks.plain


def test_it_is_the_backend_of_this_site() -> None:
    backend = task_backends["default"]
    assert isinstance(backend, JobsBackend)
    assert backend.supports_defer
    assert backend.supports_async_task
    assert backend.supports_get_result
    assert backend.supports_priority


def test_enqueue_inserts_a_job_and_returns_at_once() -> None:
    result = square.enqueue(7)
    job = Job.objects.get()
    assert isinstance(result, TaskResult)
    assert (result.id, result.status) == (str(job.pk), TaskResultStatus.READY)
    assert (result.args, result.kwargs) == ([], {"n": 7})
    assert result.backend == "default"
    assert result.enqueued_at == job.created_at
    assert result.task == square
    assert not result.is_finished
    with pytest.raises(ValueError, match="not finished"):
        result.return_value  # noqa: B018


def test_positional_and_named_arguments_are_the_same() -> None:
    square.enqueue(7)
    square.enqueue(n=7)
    assert [job.kwargs for job in Job.objects.all()] == [{"n": 7}] * 2


def test_arguments_are_validated_before_anything_is_inserted() -> None:
    for wrong in (("x",), (1, 2), ()):
        with pytest.raises(InvalidArguments):
            square.enqueue(*wrong)
    assert not Job.objects.exists()


def test_using_changes_the_next_call_only() -> None:
    later = timezone.now() + timedelta(hours=1)
    square.using(priority=7, queue_name="mail", run_after=later).enqueue(1)
    job = Job.objects.get()
    assert (job.priority, job.queue, job.run_after) == (7, "mail", later)
    assert job.status == Status.SCHEDULED
    assert square.priority == 0


def test_options_change_the_next_call_only(ada: User) -> None:
    special = square.options(max_attempts=9, unique_key="k", timeout=None, owner=ada)
    special.using(priority=1).enqueue(1)
    job = Job.objects.get()
    assert (job.max_attempts, job.unique_key, job.timeout) == (9, "k", None)
    assert (job.owner, job.priority) == (ada, 1)
    assert special.enqueue(1).id == str(job.pk)  # the unfinished one
    assert square.enqueue(1).id != str(job.pk)


@pytest.mark.parametrize("wrong", [{"queue_name": "nowhere"}, {"priority": 101}])
def test_a_task_that_cannot_run_is_refused(wrong: dict[str, Any]) -> None:
    for one in (square, plain):
        with pytest.raises(InvalidTask):
            one.using(**wrong).enqueue(1)
    assert not Job.objects.exists()


def test_a_function_inside_a_function_is_refused() -> None:
    def inner(n: int) -> None: ...

    with pytest.raises(InvalidTask):
        task(inner).enqueue(1)


# --- results ----------------------------------------------------------------------------------


def test_the_result_of_a_job_that_is_done() -> None:
    result = square.enqueue(7)
    end(take_one(), result=49)
    result.refresh()
    assert result.status == TaskResultStatus.SUCCESSFUL
    assert result.is_finished
    assert result.return_value == 49
    assert result.finished_at is not None
    assert result.started_at is not None
    assert result.worker_ids == ["here:7"]
    assert result.attempts == 1
    assert square.get_result(result.id).return_value == 49


def test_the_errors_of_a_job_that_failed() -> None:
    result = square.options(max_attempts=1).enqueue(7)
    end(take_one(), AttemptOutcome.FAILED, error_type="ValueError", message="m", traceback="trace")
    found = square.get_result(result.id)
    assert found.status == TaskResultStatus.FAILED
    assert [error.exception_class for error in found.errors] == [ValueError]
    assert found.errors[0].traceback == "trace"
    with pytest.raises(ValueError, match="failed"):
        found.return_value  # noqa: B018


def test_a_running_job_names_its_worker() -> None:
    result = square.enqueue(7)
    claim = take_one()
    found = square.get_result(result.id)
    assert found.status == TaskResultStatus.RUNNING
    assert found.worker_ids == [str(Job.objects.get(pk=claim.id).consumer_id)]


@pytest.mark.parametrize("status", list(Status))
def test_each_status_has_one_of_djangos(status: Status) -> None:
    job = make_job(status=status)
    assert square.get_result(str(job.pk)).status == STATUSES[status]


@pytest.mark.parametrize("wrong", ["01a1fd5b-42ec-7000-af37-a0c74dd3e1d7", "no-uuid", "", "7"])
def test_a_result_that_does_not_exist(wrong: str) -> None:
    with pytest.raises(TaskResultDoesNotExist):
        square.get_result(wrong)


def test_a_job_whose_task_is_gone_has_no_result() -> None:
    job = make_job(task="gone.task", module_path="gone.task")
    with pytest.raises(TaskResultDoesNotExist):
        task_backends["default"].get_result(str(job.pk))


# --- asynchronous -----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_everything_can_be_awaited() -> None:
    async def go() -> Any:
        result = await square.aenqueue(7)
        found = await square.aget_result(result.id)
        await found.arefresh()
        with pytest.raises(TaskResultDoesNotExist):
            await square.aget_result(str(uuid.uuid4()))
        return found

    found = async_to_sync(go)()
    assert found.status == TaskResultStatus.READY
    assert Job.objects.get(pk=found.id).kwargs == {"n": 7}


# --- Django's own tasks -----------------------------------------------------------------------


def test_a_plain_task_is_inserted_with_its_module_path() -> None:
    result = plain.enqueue(1, b=5)
    job = Job.objects.get()
    assert isinstance(plain, Task)
    assert (job.task, job.module_path) == ("tests.testapp.tasks.plain",) * 2
    assert (job.args, job.kwargs) == ([1], {"b": 5})
    assert (job.max_attempts, job.timeout, job.owner) == (1, get_conf().default_timeout, None)
    assert (result.args, result.kwargs) == ([1], {"b": 5})


def test_the_result_of_a_plain_task() -> None:
    result = plain.enqueue(1, b=5)
    end(take_one(), result=6)
    assert plain.get_result(result.id).return_value == 6


def test_a_plain_task_that_fails_is_not_retried() -> None:
    plain.enqueue(1)
    end(take_one(), AttemptOutcome.FAILED, error_type="E")
    assert Job.objects.get().status == Status.FAILED


@pytest.mark.parametrize("wrong", [object(), float("nan"), {1: object()}])
def test_an_argument_of_a_plain_task_must_be_json(wrong: Any) -> None:
    with pytest.raises(TypeError) as caught:
        plain.enqueue(wrong)
    assert isinstance(caught.value, InvalidArguments)
    assert not Job.objects.exists()


def test_a_plain_task_may_run_later_and_in_another_queue() -> None:
    later = timezone.now() + timedelta(hours=1)
    plain.using(queue_name="mail", priority=-3, run_after=later).enqueue(1)
    job = Job.objects.get()
    assert (job.status, job.queue, job.priority) == (Status.SCHEDULED, "mail", -3)


# --- signals ----------------------------------------------------------------------------------


def test_the_signal_is_sent_once_for_each_job() -> None:
    received: list[tuple[type, str]] = []

    def listen(sender: type, task_result: Any, **kwargs: Any) -> None:
        received.append((sender, task_result.id))

    task_enqueued.connect(listen)
    try:
        first = square.options(unique_key="k").enqueue(1)
        square.options(unique_key="k").enqueue(1)
        second = plain.enqueue(1)
    finally:
        task_enqueued.disconnect(listen)
    assert received == [(JobsBackend, first.id), (JobsBackend, second.id)]


def test_a_receiver_that_fails_does_not_look_like_a_refusal() -> None:
    def broken(**kwargs: Any) -> None:
        raise RuntimeError("the receiver's own fault")

    task_enqueued.connect(broken)
    try:
        result = square.enqueue(1)
    finally:
        task_enqueued.disconnect(broken)
    assert Job.objects.get(pk=result.id).status == Status.QUEUED


def test_a_job_enqueued_in_a_transaction_that_fails_is_gone() -> None:
    with transaction.atomic():
        square.enqueue(1)
        plain.enqueue(1)
        transaction.set_rollback(True)
    assert not Job.objects.exists()
