"""Django's own ``@task`` functions: accepted from code alone."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from .. import lifecycle
from ..compat import Task
from ..conf import get_conf
from ..errors import InvalidArguments
from ..ids import uuid7
from ..jsontext import jsonable
from ..models import Job
from .accept import Submitted, when_available
from .announce import announce


def submit_plain(task: Task[..., Any], args: Any, kwargs: Any) -> Submitted:
    """Hand in a job for a ``@task`` function. It gets one attempt, as Django's contract has it.

    Raises:
        InvalidArguments: an argument is no JSON.
        Unavailable: the database cannot take it now.
    """
    try:
        positional, named = jsonable(list(args)), jsonable(dict(kwargs))
    except (ValueError, TypeError) as error:
        raise InvalidArguments(
            [{"pointer": "", "detail": f"An argument is no JSON: {error}"}]
        ) from error
    job = Job.new(
        id=uuid7(),
        created_at=timezone.now(),
        task=task.module_path,
        module_path=task.module_path,
        queue=task.queue_name,
        priority=task.priority,
        positional=positional,
        args=named,
        max_attempts=1,
        timeout=get_conf().default_timeout,
        run_after=task.run_after,
    )
    rung = when_available(lambda: lifecycle.record(job, ring=True))
    announce(job, task, ring=not rung)
    return Submitted(job, created=True)
