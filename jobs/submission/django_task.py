"""Submitting Django's own ``@task`` functions, which only code can do."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from jobs import lifecycle
from jobs.catalog.option_values import whole
from jobs.compat import Task
from jobs.conf import get_conf
from jobs.core.uuid7 import uuid7
from jobs.models import Job

from .database_errors import operational_errors_as_unavailable
from .options import due
from .plain_arguments import plain_arguments
from .signals import send_task_enqueued


def submit_django_task(task: Task[..., Any], args: Any, kwargs: Any) -> Job:
    """Submit a job for a ``@task`` function. It gets one attempt, as Django's contract has it.

    Raises:
        UnsupportedType: an argument is no JSON.
        Unavailable: the database cannot take it now.
    """
    args, kwargs = plain_arguments(args, kwargs)
    job = Job.new(
        id=uuid7(),
        created_at=timezone.now(),
        task=task.module_path,
        module_path=task.module_path,
        queue=task.queue_name,
        priority=whole(task.priority),
        args=args,
        kwargs=kwargs,
        max_attempts=1,
        timeout=get_conf().default_timeout,
        run_after=due(task.run_after),
    )
    with operational_errors_as_unavailable():
        lifecycle.insert_job(job)
    send_task_enqueued(job, task)
    return job
