"""Calls that type checkers must accept, with the types that they must see."""

from datetime import UTC, date, datetime
from typing import assert_type

import django.tasks
import django_tasks.base

from jobs import JobResult, JobTask, submit

from .tasks import count_words, later, report, soon

assert_type(count_words.enqueue("x", min_length=2), JobResult[dict[str, int]])
assert_type(count_words.enqueue("x").return_value, dict[str, int])
assert_type(report.enqueue(date(2026, 11, 21), note="n").return_value, str)
assert_type(later.enqueue(1).return_value, int)
assert_type(soon.enqueue(n=1).return_value, int)
assert_type(count_words.get_result("id").return_value, dict[str, int])
assert_type(count_words.call("x", 2), dict[str, int])
assert_type(count_words.using(priority=5).options(unique_key="k").enqueue("x").id, str)
assert_type(count_words.enqueue_many([{"text": "x"}]), list[str])
assert_type(submit("webapp.count_words", text="x").id, str)
count_words.using(run_after=datetime.now(UTC), queue_name="mail", backend="default")


async def wait() -> int:
    result = await later.aenqueue(1)
    await result.arefresh()
    assert_type(await count_words.aget_result("id"), JobResult[dict[str, int]])
    return result.return_value


# What a project annotates with its framework's own names fits, whichever that is.
task: JobTask[[int], int] = soon
of_django: django.tasks.TaskResult = soon.enqueue(1)
of_backport: django_tasks.TaskResult[int] = soon.enqueue(1)
task_of_django: django.tasks.Task = soon
task_of_backport: django_tasks.base.Task[[int], int] = soon


def has_finished(result: JobResult[int]) -> bool:
    if result.status == django.tasks.TaskResultStatus.FAILED:
        return bool(result.errors[0].traceback)
    return result.status == django_tasks.TaskResultStatus.SUCCESSFUL
