"""The backend of Django's tasks framework that ``TASKS`` names."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.utils import timezone

from jobs.catalog.option_values import priority_error, queue_error, run_after_error
from jobs.catalog.signature import BadSignature
from jobs.catalog.task import JobTask

from .compat import (
    BaseTaskBackend,
    InvalidTask,
    Task,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
)
from .errors import ResultFileMissing, UnknownTask


class JobsBackend(BaseTaskBackend):
    """Submits a job for each call.

    It imports models when they are used: tasks are declared before the models load.
    """

    makes_jobs = True
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def enqueue(self, task: Task[..., Any], args: Any, kwargs: Any) -> TaskResult[Any]:
        """Submit a job; return its handle at once.

        Raises:
            InvalidTask: the task cannot run as it was declared or changed by ``using``.
            InvalidArguments: the arguments do not fit.
            Unavailable: the database cannot take it now.
        """
        from jobs.submission.django_task import submit_django_task
        from jobs.submission.submit import submit_job
        from jobs.submission.task_result import task_result

        self.validate_task(task)
        if isinstance(task, JobTask):
            job = submit_job(task, task.spec.by_name(tuple(args), dict(kwargs))).job
        else:
            job = submit_django_task(task, args, kwargs)
        return task_result(job, task)

    def enqueue_many(self, task: JobTask[..., Any], many: Iterable[Mapping[str, Any]]) -> list[str]:
        """Submit a job for each mapping of arguments, all or none; return their ids in order.

        Raises:
            InvalidTask, InvalidArguments, InvalidOptions, Unavailable: as ``submit_many``.
        """
        from jobs.submission.submit_many import submit_many

        self.validate_task(task)
        return [str(key) for key in submit_many(task, many)]

    def validate_task(self, task: Task[..., Any]) -> None:
        """Check a task against what this backend can do.

        Raises:
            InvalidTask: it cannot.
        """
        if isinstance(task, JobTask):
            try:
                task.spec  # noqa: B018  (built on first access)
            except BadSignature as error:
                raise InvalidTask(f"{task.module_path} cannot be a task: {error}.") from error
        self.validate_options(task)
        super().validate_task(task)
        # The framework wants functions of a module; a lambda has no name to find it by.
        if "<" in getattr(task.func, "__qualname__", ""):
            raise InvalidTask("Task function must be defined at a module level.")

    def validate_options(self, task: Task[..., Any]) -> None:
        """Check what ``using`` changes; the framework's own checks fail with other errors on some.

        Raises:
            InvalidTask: a value is not possible.
        """
        if priority_error(task.priority) is not None:
            raise InvalidTask("priority must be a whole number between -100 and 100.")
        if (sentence := queue_error(task.queue_name)) is not None:
            raise InvalidTask(sentence.replace("It", "queue_name", 1))
        if self.queues and task.queue_name not in self.queues:
            raise InvalidTask(f"Queue '{task.queue_name}' is not valid for backend.")
        if (sentence := run_after_error(task.run_after)) is not None:
            if isinstance(task.run_after, datetime) and timezone.is_naive(task.run_after):
                sentence = "It must be an aware datetime."
            raise InvalidTask(sentence.replace("It", "run_after", 1))

    def get_result(self, result_id: str) -> TaskResult[Any]:
        """Return the handle of a job.

        Raises:
            TaskResultDoesNotExist: there is no such job, or its task is gone.
        """
        from jobs.catalog.registry import load_task
        from jobs.submission.task_result import stored_result

        from .models import Job

        try:
            job = Job.objects.get(pk=uuid.UUID(str(result_id)))
            task = load_task(job.task, job.module_path)
        except (ValueError, Job.DoesNotExist, UnknownTask) as error:
            raise TaskResultDoesNotExist(str(result_id)) from error
        return stored_result(job, task, self.alias)

    async def aget_result(self, result_id: str) -> TaskResult[Any]:
        """Return the handle of a job, with a value from a file loaded already.

        Otherwise reading its ``return_value`` would hold up the event loop.

        Raises:
            TaskResultDoesNotExist: there is no such job, or its task is gone.
        """
        return await sync_to_async(self._loaded_result, thread_sensitive=True)(result_id)

    def _loaded_result(self, result_id: str) -> TaskResult[Any]:
        result = self.get_result(result_id)
        if result.status == TaskResultStatus.SUCCESSFUL:
            with suppress(ResultFileMissing):  # raised again by who asks for the value
                result.return_value  # noqa: B018  (it keeps what it reads)
        return result
