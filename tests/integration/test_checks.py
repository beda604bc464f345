"""The system checks of the settings and of the database."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command

from jobs.checks import check_database, check_declarations, check_settings


def ids(messages: list[checks.CheckMessage]) -> list[str]:
    return [str(message.id) for message in messages]


@pytest.mark.django_db
def test_this_site_passes_all_checks() -> None:
    assert checks.run_checks(tags=["jobs"]) == []
    call_command("check", fail_level="WARNING")
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_a_project_without_the_jobs_backend_gets_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    class Others:
        def all(self) -> list[object]:
            return [object()]

    monkeypatch.setattr("jobs.checks.task_backends", Others())
    messages = check_declarations()
    assert ids(messages) == ["jobs.W001"]
    assert "jobs.backend.JobsBackend" in (messages[0].hint or "")


def test_an_invalid_setting_is_an_error(settings: Any) -> None:
    assert check_settings() == []
    settings.JOBS = {"LEASE": 3}
    messages = check_settings()
    assert ids(messages) == ["jobs.E010"]
    assert "JOBS['LEASE']" in messages[0].msg
    assert ids(checks.run_checks(tags=["jobs"])) == ["jobs.E010"]


SQLITE = {"ENGINE": "django.db.backends.sqlite3"}
SOUND = {
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({**SQLITE, "OPTIONS": SOUND}, []),
        (SQLITE, ["jobs.W011", "jobs.W012"]),
        ({**SQLITE, "OPTIONS": {**SOUND, "transaction_mode": "DEFERRED"}}, ["jobs.W012"]),
        (
            {**SQLITE, "OPTIONS": {**SOUND, "init_command": "PRAGMA journal_mode=WAL"}},
            ["jobs.W011"],
        ),
        (
            {
                **SQLITE,
                "OPTIONS": {
                    **SOUND,
                    "init_command": "pragma JOURNAL_MODE = wal; pragma synchronous = full",
                },
            },
            [],
        ),
        ({**SQLITE, "OPTIONS": SOUND, "ATOMIC_REQUESTS": True}, ["jobs.W010"]),
        ({"ENGINE": "django.db.backends.postgresql"}, []),
        ({"ENGINE": "django.db.backends.postgresql", "ATOMIC_REQUESTS": True}, ["jobs.W010"]),
        ({}, []),
    ],
)
def test_unsuitable_database_settings_are_reported(
    config: dict[str, Any], expected: list[str], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.checks.settings", type("S", (), {"DATABASES": {"default": config}}))
    messages = check_database()
    assert ids(messages) == expected
    assert all(message.hint for message in messages)


def test_an_old_sqlite_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.checks.sqlite3.sqlite_version_info", (3, 34, 9))
    assert "jobs.E011" in ids(check_database())
