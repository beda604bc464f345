"""Celery: messages in a folder of files or in Redis, results in the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.benchmarks.sandbox import Sandbox
from tests.benchmarks.systems.base import SITE, System, program


class CeleryFiles(System):
    """The filesystem transport: the best it has without a server."""

    name = "celery_files"
    title = "Celery, files"
    note = "prefork, -c 2; results by django-celery-results"

    def settings(self, values: dict[str, Any], sandbox: Sandbox) -> None:
        """Its broker and its results."""
        values["INSTALLED_APPS"].append("django_celery_results")
        values["CELERY_RESULT_BACKEND"] = "django-db"
        values.update(self.broker(sandbox))

    def broker(self, sandbox: Sandbox) -> dict[str, Any]:
        """Both ends of the queue are the same folder."""
        queue, control = sandbox.folder / "queue", sandbox.folder / "control"
        for folder in (queue, control):
            folder.mkdir(exist_ok=True)
        options = {"data_folder_in": str(queue), "data_folder_out": str(queue)}
        options["control_folder"] = str(control)
        return {
            "CELERY_BROKER_URL": "filesystem://",
            "CELERY_BROKER_TRANSPORT_OPTIONS": options,
        }

    def task(self, function: Callable[..., Any]) -> Any:
        """As its Django documentation has it."""
        from celery import shared_task

        import tests.benchmarks.peers.celery_app  # noqa: F401

        return shared_task(function)

    def workers(self) -> list[list[str]]:
        """One command that forks both."""
        app = f"{SITE}.celery_app"
        return [[*program("celery"), "-A", app, "worker", "-c", "2", "-l", "WARNING"]]

    def send(self, task: Any, ident: str, *args: Any) -> None:
        """As its documentation has it."""
        task.delay(ident, *args)

    def recorded(self) -> int | None:
        """The rows of those that succeeded."""
        from django_celery_results.models import TaskResult

        return int(TaskResult.objects.filter(status="SUCCESS").count())


class CeleryRedis(CeleryFiles):
    """On Redis, otherwise as it ships."""

    name = "celery_redis"
    title = "Celery, Redis"
    group = "Redis"
    redis = True

    def broker(self, sandbox: Sandbox) -> dict[str, Any]:
        """The server."""
        return {"CELERY_BROKER_URL": sandbox.redis_url()}


SYSTEMS = (CeleryFiles(), CeleryRedis())
