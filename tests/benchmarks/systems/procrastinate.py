"""Procrastinate: PostgreSQL alone, by LISTEN and NOTIFY."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.benchmarks.sandbox import Sandbox
from tests.benchmarks.systems.base import System, manage

NAMES = {"noop": ("ident",), "fib": ("ident", "n"), "nap": ("ident", "seconds")}


class Procrastinate(System):
    """Two workers of one slot each."""

    name = "procrastinate"
    title = "procrastinate"
    group = "PostgreSQL"
    note = "2 x `procrastinate worker`"
    postgres = True

    def settings(self, values: dict[str, Any], sandbox: Sandbox) -> None:
        """Its app."""
        values["INSTALLED_APPS"].append("procrastinate.contrib.django")

    def task(self, function: Callable[..., Any]) -> Any:
        """As its Django documentation has it."""
        from procrastinate.contrib.django import app

        return app.task(function)

    def workers(self) -> list[list[str]]:
        """One slot each."""
        return [manage("procrastinate", "worker") for _ in range(2)]

    def send(self, task: Any, ident: str, *args: Any) -> None:
        """It takes names only."""
        task.defer(**dict(zip(NAMES[task.func.__name__], (ident, *args), strict=True)))

    def recorded(self) -> int | None:
        """The rows of those that succeeded."""
        from procrastinate.contrib.django.models import ProcrastinateJob

        return int(ProcrastinateJob.objects.filter(status="succeeded").count())


SYSTEMS = (Procrastinate(),)
