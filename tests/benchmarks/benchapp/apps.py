"""The app that holds the measured tasks."""

from __future__ import annotations

from django.apps import AppConfig


class BenchConfig(AppConfig):
    """Its tasks are ``bench.noop`` and so on."""

    name = "tests.benchmarks.benchapp"
    label = "bench"
