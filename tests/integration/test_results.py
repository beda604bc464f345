"""Django's ``TaskResult`` of a job: its value, its errors, and the task as it was enqueued."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any, Self

import django
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from jobs.catalog.task_copy import backend_alias
from jobs.compat import TaskResultStatus, task_backends
from jobs.core.states import AttemptOutcome, Status
from jobs.core.storage import job_storage
from jobs.errors import JobCancelled, ResultFileMissing, Timeout, WorkerDied
from jobs.models import Attempt, Job
from jobs.submission.attempt_errors import attempt_error, exception_again
from tests.factories import end, make_artifact, make_job, take_one
from tests.testapp import tasks

square: Any = tasks.square
plain: Any = tasks.plain


@pytest.fixture
def large(db: None, jobs_setting: Any) -> Job:
    """A job whose result is in a file."""
    job = make_job(status=Status.SUCCEEDED)
    make_artifact(job, "result.json", json.dumps(["x" * 1000] * 100).encode())
    return job


# --- a value that is too large for the row ------------------------------------------------------


def test_a_large_value_is_read_when_it_is_asked_for(
    large: Job, django_assert_num_queries: Any
) -> None:
    result = square.get_result(str(large.pk))
    with django_assert_num_queries(0):
        assert len(result.return_value) == 100
    job_storage().delete(large.artifacts.get().file)
    assert len(result.return_value) == 100, "it is read once"


def test_a_large_value_is_there_after_a_refresh(large: Job) -> None:
    Job.objects.filter(pk=large.pk).update(status=Status.RUNNING)
    result = square.get_result(str(large.pk))
    with pytest.raises(ValueError, match="not finished"):
        result.return_value  # noqa: B018
    Job.objects.filter(pk=large.pk).update(status=Status.SUCCEEDED)
    result.refresh()
    assert len(result.return_value) == 100


@pytest.mark.django_db(transaction=True)
def test_a_large_value_can_be_awaited(large: Job) -> None:
    async def go() -> tuple[Any, Any]:
        result = await square.aget_result(str(large.pk))
        other = await square.aget_result(str(large.pk))
        await other.arefresh()
        return result, other

    result, other = async_to_sync(go)()
    job_storage().delete(large.artifacts.get().file)
    assert len(result.return_value) == len(other.return_value) == 100


def test_a_deleted_file_is_an_error_that_says_so(large: Job) -> None:
    job_storage().delete(large.artifacts.get().file)
    result = square.get_result(str(large.pk))
    assert result.status == TaskResultStatus.SUCCESSFUL
    with pytest.raises(ResultFileMissing, match=str(large.pk)):
        result.return_value  # noqa: B018


@pytest.mark.django_db(transaction=True)
def test_a_deleted_file_does_not_keep_the_rest_from_being_awaited(large: Job) -> None:
    job_storage().delete(large.artifacts.get().file)
    result = async_to_sync(square.aget_result)(str(large.pk))
    assert result.finished_at is not None
    with pytest.raises(ResultFileMissing):
        result.return_value  # noqa: B018


def test_the_command_prints_a_large_value_or_that_its_file_is_gone(
    large: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "jobs.management.commands.submit.wait_for"
    monkeypatch.setattr(module, lambda *args, **options: Job.objects.get(pk=large.pk))
    printed = StringIO()
    call_command("submit", "testapp.square", "n=7", "--wait", stdout=printed, stderr=StringIO())
    assert len(json.loads(printed.getvalue())) == 100
    job_storage().delete(large.artifacts.get().file)
    with pytest.raises(CommandError, match="is gone from the storage"):
        call_command("submit", "testapp.square", "n=7", "--wait", stderr=StringIO())


def test_a_file_of_an_earlier_attempt_is_not_the_value(large: Job) -> None:
    Job.objects.filter(pk=large.pk).update(attempt=2)
    assert square.get_result(str(large.pk)).return_value is None


@pytest.mark.django_db
def test_none_is_a_value() -> None:
    job = make_job(status=Status.SUCCEEDED)
    assert square.get_result(str(job.pk)).return_value is None


# --- the task as it was enqueued ----------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("task", [square, plain])
def test_the_task_is_as_using_made_it(task: Any) -> None:
    later = timezone.now() + timedelta(hours=1)
    special = task.using(priority=7, queue_name="mail", run_after=later)
    result = special.enqueue(1)
    found = task.get_result(result.id)
    assert result.task == found.task == special
    assert found == result
    if django.VERSION >= (6, 1):  # before that no task can be pickled
        assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.django_db
def test_the_task_is_as_options_made_it(ada: User) -> None:
    special = square.options(max_attempts=9, unique_key="k", timeout=5.0, owner=ada)
    assert square.get_result(special.enqueue(1).id).task == special
    without_limit = square.options(timeout=None)
    assert square.get_result(without_limit.enqueue(1).id).task == without_limit


@pytest.mark.django_db
def test_run_after_is_kept_when_the_job_has_ended() -> None:
    past = timezone.now() - timedelta(hours=1)
    result = square.using(run_after=past).enqueue(7)
    end(take_one(), result=49)
    result.refresh()
    assert square.get_result(result.id).task.run_after == past
    assert result.return_value == 49


@pytest.mark.django_db
def test_a_task_whose_queue_is_no_longer_listed_is_still_shown() -> None:
    job = make_job(queue="removed")
    assert square.get_result(str(job.pk)).task.queue_name == "removed"


@pytest.mark.django_db
def test_each_alias_is_remembered(settings: Any) -> None:
    settings.TASKS = {
        **settings.TASKS,
        "slow": {"BACKEND": "jobs.backend.JobsBackend", "QUEUES": ["slow"]},
    }
    for task in (square, plain):
        special = task.using(backend="slow", queue_name="slow")
        result = special.enqueue(1)
        found = special.get_result(result.id)
        assert (result.backend, found.backend, found.task) == ("slow", "slow", special)
        assert task_backends["slow"].get_result(result.id) == found


@pytest.mark.django_db
def test_an_alias_that_cannot_be_imported_is_no_alias_of_ours(settings: Any) -> None:
    broken = {"gone": {"BACKEND": "does.not.exist"}}
    settings.TASKS = {**broken, **settings.TASKS}
    assert backend_alias(square, "default") == "default"
    assert backend_alias(plain, "removed") == "default"
    settings.TASKS = broken
    assert backend_alias(square, "default") == "default"


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_error_is_a_class_that_can_be_imported() -> None:
    found: list[Any] = []
    for error_type in (
        "ValueError",
        "KeyboardInterrupt",
        "Timeout",
        "WorkerDied",
        "tests.testapp.tasks.Shelf.Empty",
        "django.contrib.auth.models.User.DoesNotExist",
        "json.decoder.JSONDecodeError",
    ):
        result = square.options(max_attempts=1).enqueue(7)
        end(take_one(), AttemptOutcome.FAILED, error_type=error_type, message="m")
        [error] = square.get_result(result.id).errors
        assert error.traceback.endswith(": m\n")
        found.append(error.exception_class)
    assert found == [
        ValueError,
        KeyboardInterrupt,
        Timeout,
        WorkerDied,
        tasks.Shelf.Empty,
        User.DoesNotExist,
        json.JSONDecodeError,
    ]


@pytest.mark.django_db
def test_the_api_keeps_the_names_that_it_has() -> None:
    square.options(max_attempts=1).enqueue(7)
    end(take_one(), AttemptOutcome.FAILED, error_type="ValueError", message="m")
    assert Job.objects.get().error_type == "ValueError"


@pytest.mark.django_db
def test_a_job_that_was_cancelled_while_it_waited_has_an_error() -> None:
    job = make_job(
        status=Status.CANCELLED, error_type="Cancelled", error_message="cancelled by ada"
    )
    [error] = square.get_result(str(job.pk)).errors
    assert error.exception_class is JobCancelled
    assert error.traceback == "jobs.errors.JobCancelled: cancelled by ada\n"


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("gone.Error", ImportError),
        ("tests.testapp.tasks.fail.<locals>.Error", ImportError),
        ("tests.testapp.Gone", ImportError),
        ("subprocess.run", ValueError),
        ("subprocess", ImportError),
    ],
)
def test_what_is_no_exception_any_more(path: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        attempt_error(path, "m", "t").exception_class  # noqa: B018


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Modules that this process has not imported."""
    (tmp_path / "shelf").mkdir()
    for name, text in {
        "__init__": "",
        "book": "class Book:\n    class Missing(Exception):\n        pass\n",
        "other": "import not_installed\n\nclass Lost(Exception):\n    pass\n",
    }.items():
        (tmp_path / "shelf" / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [one for one in sys.modules if one.partition(".")[0] == "shelf"]:
        del sys.modules[name]


def test_a_class_inside_a_class_is_imported(project: None) -> None:
    found = attempt_error("shelf.book.Book.Missing", "m", "t").exception_class
    assert (found.__qualname__, found.__module__) == ("Book.Missing", "shelf.book")


def test_a_module_that_cannot_be_imported_says_what_it_misses(project: None) -> None:
    with pytest.raises(ModuleNotFoundError, match="not_installed"):
        attempt_error("shelf.other.Lost", "m", "t").exception_class  # noqa: B018
    assert str(exception_again("shelf.other.Lost", "m", "t")) == "shelf.other.Lost: m"


class TakesNothing(Exception):
    def __new__(cls, *_: object) -> Self:
        return super().__new__(cls)


class NeedsMore(Exception):
    def __init__(self, code: int, text: str) -> None:
        self.code = code
        super().__init__(text)

    def __str__(self) -> str:
        return f"{self.code}"


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("ValueError", ValueError, "m"),
        ("OSError", OSError, "m"),
        ("ExceptionGroup", None, "ExceptionGroup: m"),
        (f"{__name__}.NeedsMore", None, f"{__name__}.NeedsMore: m"),
        ("gone.Error", None, "gone.Error: m"),
        ("Timeout", Timeout, "m"),
        (f"{__name__}.TakesNothing", TakesNothing, "m"),
        ("Cancelled", JobCancelled, "m"),
    ],
)
def test_an_exception_of_another_process_is_made_again(name: str, kind: Any, text: str) -> None:
    exception = exception_again(name, "m", "the traceback")
    assert type(exception).__name__ == (kind.__name__ if kind else "AttemptFailed")
    assert str(exception) == text
    assert "the traceback" in str(exception.__cause__)


@pytest.mark.django_db
def test_an_attempt_that_was_handed_back_is_no_error_of_the_job() -> None:
    job = make_job(status=Status.FAILED, attempt=2, error_type="ValueError", error_message="no")
    for number, outcome in ((1, AttemptOutcome.RELEASED), (2, AttemptOutcome.FAILED)):
        Attempt.objects.create(
            job=job, number=number, ended_at=timezone.now(), outcome=outcome, error_type=outcome
        )
    result = tasks.square.get_result(str(job.pk))
    assert [error.exception_class_path for error in result.errors] == [AttemptOutcome.FAILED]
