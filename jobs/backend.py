"""The backend of Django's tasks framework that ``TASKS`` names."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from asgiref.sync import sync_to_async

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
        # The framework wants callables of a module; a partial or a lambda has no such name.
        super().validate_task(task)
        if "<" in task.module_path:
            raise InvalidTask("A task must be a function of a module.")

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
