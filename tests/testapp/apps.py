"""The app of tasks for tests, and what the environment asks of a process under test."""

from __future__ import annotations

import os
from typing import Final

from django.apps import AppConfig

ELSEWHERE: Final = "DESK_ELSEWHERE"
"""Set in the environment: no inotify, and only a knock tells a consumer of a job."""


class TestAppConfig(AppConfig):
    """Its tasks are ``testapp.square`` and so on."""

    name = "tests.testapp"
    label = "testapp"

    def ready(self) -> None:
        """Take away what only Linux has, if that is asked for."""
        if os.environ.get(ELSEWHERE):
            from jobs.brokers.wakeup import udp_listener
            from tests.elsewhere import no_inotify

            no_inotify()
            udp_listener.ASK_SECONDS = 3600.0
