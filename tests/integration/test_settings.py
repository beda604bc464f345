"""The site's settings, as a process that starts with them sees them."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

OWN = ("JOBS_", "DJANGO_", "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "DATABASE_URL")
SECRET = "0123456789abcdefghijklmnopqrstuvwxyz" * 2


def clean_environment(data: Path, **more: str) -> dict[str, str]:
    """The environment without what speaks to us, with a data folder of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(OWN)}
    return kept | {"JOBS_DATA_DIR": str(data)} | more


def run_python(
    root: Path, data: Path, *arguments: str, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run this Python in the project's folder."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=clean_environment(data, **more),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_deployment_passes_djangos_own_check(project_root: Path, tmp_path: Path) -> None:
    done = run_python(project_root, tmp_path, "manage.py", "check", "--deploy", SECRET_KEY=SECRET)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout + done.stderr
    assert "WARNINGS" not in done.stderr


@pytest.mark.parametrize("server", ["webapp.wsgi", "webapp.asgi"])
def test_no_server_starts_without_a_secret(project_root: Path, tmp_path: Path, server: str) -> None:
    done = run_python(project_root, tmp_path, "-c", f"import {server}")
    assert done.returncode == 1
    assert "Set SECRET_KEY to 50 random characters" in done.stderr
    assert not (tmp_path / "secret").exists()


@pytest.mark.parametrize("server", ["webapp.wsgi", "webapp.asgi"])
def test_a_server_starts_with_the_secret_of_the_data_folder(
    project_root: Path, tmp_path: Path, server: str
) -> None:
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    code = f"import {server}; from django.conf import settings; print(settings.SECRET_KEY)"
    assert run_python(project_root, tmp_path, "-c", code).stdout.strip() == SECRET


def test_commands_that_sign_nothing_need_no_secret(project_root: Path, tmp_path: Path) -> None:
    data = tmp_path / "not" / "there"
    for command in ("check", "migrate", "makemigrations"):
        more = ("--check",) if command == "makemigrations" else ()
        done = run_python(project_root, data, "manage.py", command, *more)
        assert done.returncode == 0, done.stderr
    assert not (data / "secret").exists()


@pytest.mark.parametrize("name", ["JOBS_LEASE_SECONDS", "JOBS_MAX_UPLOAD", "DEBUG"])
def test_a_wrong_variable_is_named_without_a_traceback(
    project_root: Path, tmp_path: Path, name: str
) -> None:
    done = run_python(project_root, tmp_path, "manage.py", "check", **{name: "plenty"})
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name} must be")
    assert "Traceback" not in done.stderr


def test_debug_is_off_by_default_and_https_on(project_root: Path, tmp_path: Path) -> None:
    code = (
        "from webapp import settings as s;"
        "print(s.DEBUG, s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_SECURE, s.SECURE_HSTS_SECONDS > 0)"
    )
    assert run_python(project_root, tmp_path, "-c", code).stdout.split() == [
        "False",
        "True",
        "True",
        "True",
    ]
    plain = run_python(project_root, tmp_path, "-c", code, JOBS_HTTPS="0")
    assert plain.stdout.split() == ["False"] * 4


@pytest.mark.django_db
def test_sqlite_writes_ahead_and_to_the_disk() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("another database")
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert cursor.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert cursor.execute("PRAGMA busy_timeout").fetchone()[0] >= 5000
    assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


@pytest.mark.django_db
def test_each_page_forbids_what_is_inline(client: Client) -> None:
    admin = User.objects.create_superuser("root", password="x")
    pages = [client.get("/sign-in/")]
    client.force_login(admin)
    pages += [client.get("/admin/"), client.get("/admin/auth/user/add/"), client.get("/healthz")]
    for page in pages:
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["X-Frame-Options"] == "DENY"


@pytest.mark.django_db  # closing a response looks at the connection
def test_static_files_are_served_without_collecting_them(client: Client) -> None:
    answer = client.get("/static/admin/css/base.css")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/css")
    assert client.get("/static/../manage.py").status_code == 404
    answer.close()


def test_the_console_is_quiet_but_for_our_own() -> None:
    handlers: dict[str, dict[str, str]] = settings.LOGGING["handlers"]
    assert {handler["class"] for handler in handlers.values()} == {"logging.StreamHandler"}
    assert handlers["problems"]["level"] == "WARNING"
    for name in ("django.tasks", "django_tasks", "funboost"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
    assert logging.getLogger("jobs.consumer").isEnabledFor(logging.INFO)


SAY = """
import logging, django
django.setup()
class Tracker(logging.Handler):
    def emit(self, record):
        print(record.name, record.levelname)
logging.getLogger().addHandler(Tracker())
for name in ("jobs.writer", "webapp.up", "library"):
    logging.getLogger(name).info("news of %s", name)
    logging.getLogger(name).error("problem of %s", name)
"""


def test_the_root_logger_gets_every_record_and_the_console_each_once(
    project_root: Path, tmp_path: Path
) -> None:
    settings_module = {"DJANGO_SETTINGS_MODULE": "webapp.settings", "SECRET_KEY": SECRET}
    done = run_python(project_root, tmp_path, "-c", SAY, **settings_module)
    assert done.stdout.split("\n")[:-1] == [
        f"{name} {level}"
        for name in ("jobs.writer", "webapp.up", "library")
        for level in ("INFO", "ERROR")
    ], done.stderr
    for name in ("jobs.writer", "webapp.up"):
        assert done.stderr.count(f"news of {name}") == 1
        assert done.stderr.count(f"problem of {name}") == 1
    assert done.stderr.count("problem of library") == 1
    assert "news of library" not in done.stderr
