"""The systems that are compared, one file each; their packages are imported only when they run."""

from __future__ import annotations

from importlib import import_module

from tests.benchmarks.systems.base import System

# Systems without a server first, then Redis, PostgreSQL, and the floors.
MODULES = "jobdesk huey django_q2 django_tasks_db celery funboost procrastinate floors".split()


def systems() -> dict[str, System]:
    """Return all systems by name."""
    found: dict[str, System] = {}
    for name in MODULES:
        for system in import_module(f"{__name__}.{name}").SYSTEMS:
            found[system.name] = system
    return found
