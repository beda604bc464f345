"""Our backend in the places of Django's own two."""

from __future__ import annotations

import threading
from typing import Any, Final

from jobs.backend import JobsBackend
from jobs.compat import Task, TaskResult, task_finished
from jobs.consumer.health.reports import HealthReports
from jobs.consumer.process import ConsumerOptions, ConsumerProcess
from jobs.consumer.shutdown import Shutdown
from jobs.lifecycle import set_paused

MOST_SECONDS: Final = 30


class BackgroundConsumer:
    """A real consumer on a thread of this process, so that a suite sees what it logs."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ended: set[str] = set()
        self._thread: threading.Thread | None = None

    def wait_for(self, job_id: str) -> None:
        """Start it if that was not done yet; wait until the end of a job was signalled."""
        with self._changed:
            if self._thread is None:
                task_finished.connect(self._note)
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            ended = self._changed.wait_for(lambda: job_id in self._ended, MOST_SECONDS)
        assert ended, f"The job {job_id} did not end."

    def _run(self) -> None:
        options = ConsumerOptions(queues=["default"], concurrency=2)
        ConsumerProcess(options, Shutdown(), HealthReports(options.health)).run()

    def _note(self, task_result: Any, **kwargs: Any) -> None:
        with self._changed:
            self._ended.add(task_result.id)
            self._changed.notify_all()


consumer = BackgroundConsumer()


class StoringBackend(JobsBackend):
    """In the place of ``DummyBackend``: stores, and nothing runs."""

    def enqueue(self, task: Task[..., Any], args: Any, kwargs: Any) -> TaskResult[Any]:
        """Submit the job to a queue that is paused: another test may have started the consumer."""
        set_paused(task.queue_name, paused=True)
        return super().enqueue(task, args, kwargs)

    @property
    def results(self) -> list[TaskResult[Any]]:
        """All jobs, the first one first."""
        from jobs.models import Job

        return [self.get_result(str(job.pk)) for job in Job.objects.order_by("id")]

    def clear(self) -> None:
        """Delete all jobs."""
        from jobs.models import Job

        Job.objects.all().delete()


class ConsumedBackend(JobsBackend):
    """In the place of ``ImmediateBackend``: ``enqueue`` returns when a consumer has run the job."""

    def enqueue(self, task: Task[..., Any], args: Any, kwargs: Any) -> TaskResult[Any]:
        """Submit the job, wait for its end, return what became of it."""
        set_paused(task.queue_name, paused=False)
        result = super().enqueue(task, args, kwargs)
        consumer.wait_for(result.id)
        result.refresh()
        return result
