"""A broker that cannot be is said in one sentence, and nothing heavy is imported to say it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from jobs.brokers import optional_deps
from jobs.checks import check_broker
from tests.consumers import ROOT


@pytest.fixture(autouse=True)
def no_broker_kept() -> None:
    from jobs.brokers import registry

    registry._make.cache_clear()


def _told(settings: Any, url: str) -> list[str]:
    settings.JOBS = {**settings.JOBS, "BROKER_URL": url}
    return [str(message.msg) for message in check_broker()]


def test_the_default_is_sound(settings: Any) -> None:
    assert _told(settings, "database://") == []


def test_a_broker_that_is_not_known_is_said_without_its_password(settings: Any) -> None:
    (told,) = _told(settings, "rabbit://user:s3cret@host")
    assert "'rabbit'" in told
    assert "redis://" in told
    assert "s3cret" not in told


def test_a_missing_extra_is_one_sentence(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional_deps, "find_spec", lambda name: None)
    (told,) = _told(settings, "redis://host")
    assert told.endswith("Run: pip install 'jobdesk[redis]'")


def test_a_web_process_imports_no_broker_client() -> None:
    code = (
        "import sys, django; django.setup(); from jobs import brokers; brokers.get_broker();"
        "print(sorted({'redis', 'confluent_kafka', 'amqp', 'funboost'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=_environment(),
    )
    assert done.stdout.strip() == "[]"


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": str(ROOT),
        "JOBS_BROKER_URL": "redis://127.0.0.1:1/0",
    }
