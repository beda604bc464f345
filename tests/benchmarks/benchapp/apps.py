"""The app that holds the measured tasks."""

from __future__ import annotations

import os
from typing import Final

from django.apps import AppConfig

NO_INOTIFY: Final = "BENCH_NO_INOTIFY"
"""Set in the environment: consumers hear of commits as they do on Windows and macOS."""


class BenchConfig(AppConfig):
    """Its tasks are ``bench.noop`` and so on."""

    name = "tests.benchmarks.benchapp"
    label = "bench"

    def ready(self) -> None:
        """Take away what only Linux has, if that is asked for."""
        if os.environ.get(NO_INOTIFY):
            from tests.elsewhere import no_inotify

            no_inotify()
