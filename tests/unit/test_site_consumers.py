"""The consumers beside the site get the grace time that the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs.consumer.shutdown import Shutdown
from webapp.up import site_consumers
from webapp.up.site_consumers import RELEASE_SECONDS, SiteConsumers


def test_they_get_the_grace_time_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    made: dict[str, Any] = {}

    class OneSupervisor:
        def __init__(self, options: Any, processes: int, stop: Any, **more: Any) -> None:
            made.update(more, environment=options.environment)

        def run(self) -> None:
            """Start nothing."""

    monkeypatch.setattr(site_consumers, "Supervisor", OneSupervisor)
    monkeypatch.delenv("JOBS_GRACE_SECONDS", raising=False)
    settings.JOBS = {**settings.JOBS, "GRACE_SECONDS": 25}
    settings.BASE_DIR = Path()
    SiteConsumers(1, print, Shutdown())
    assert made["drain_seconds"] == 25 + RELEASE_SECONDS
    assert "JOBS_GRACE_SECONDS" not in made["environment"], "it reads the same settings"
