"""The systems that are compared, one file each; their packages are imported only when they run."""

from __future__ import annotations

from importlib import import_module

from tests.benchmarks.systems.base import System

# Those without a server first, then Redis, PostgreSQL, and what no job system can beat.
MODULES = "jobdesk huey django_q2 django_tasks_db celery funboost procrastinate floors".split()


def systems() -> dict[str, System]:
    """All of them, by name."""
    found: dict[str, System] = {}
    for name in MODULES:
        for system in import_module(f"{__name__}.{name}").SYSTEMS:
            found[system.name] = system
    return found
