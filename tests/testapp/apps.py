"""The app of tasks for tests, and what the environment asks of a process under test."""

from __future__ import annotations

import os
import sys
from typing import Any, Final

from django.apps import AppConfig

UDP_ONLY: Final = "TEST_UDP_ONLY"
"""Set in the environment: a consumer never asks SQLite by itself; only a datagram wakes it."""
PLAIN_THREADS: Final = "TEST_PLAIN_THREADS"
"""Set in the environment: a consumer runs its jobs without funboost."""


class TestAppConfig(AppConfig):
    """Its tasks are ``testapp.square`` and so on."""

    name = "tests.testapp"
    label = "testapp"

    def ready(self) -> None:
        """Change what the environment says."""
        if os.environ.get(UDP_ONLY):
            from jobs.brokers.wakeup import udp_listener

            udp_listener.ASK_SECONDS = 3600.0
        if os.environ.get(PLAIN_THREADS):
            modules: dict[str, Any] = sys.modules
            modules["funboost"] = None  # as if it were not installed
