"""A small Django project in a folder of its own, whose programs run in processes of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any, Final

from tests.subprocesses import ROOT, RunningProcess, environment

# What `django-admin startproject` writes, less what no test looks at, and the README's lines.
SETTINGS: Final = """
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "only-for-tests-" + "0123456789abcdef" * 4
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "carried",
    "jobs",
    "shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "shop.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "db.sqlite3",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        },
    }
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TASKS = {"default": {"BACKEND": "jobs.backend.JobsBackend", "QUEUES": ["default"]}}
JOBS = {"SWEEP_SECONDS": 0.2, "GRACE_SECONDS": 2}
# What tests wait for.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"jobs": {"handlers": ["console"], "level": "INFO"}},
}
"""
URLS: Final = """
from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls), path("", include("jobs.urls"))]
"""
TASKS: Final = """
from jobs import JobContext, job


@job
def double(n: int) -> int:
    \"\"\"Twice a number.\"\"\"
    return 2 * n


@job(max_attempts=2)
def second_time(context: JobContext) -> int:
    \"\"\"Fails once, then returns the number of the attempt.\"\"\"
    context.log("trying")
    if context.attempt == 1:
        raise RuntimeError("not yet")
    return context.attempt
"""
MANAGE: Final = """
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
execute_from_command_line(sys.argv)
"""


NOTHING: Final[Mapping[str, str]] = {}


class Project:
    """A project named ``shop``, with the tasks of ``TASKS``.

    Args:
        folder: where it is made.
        settings: appended to ``SETTINGS``.
        urls: the module of addresses.
        tasks: appended to ``TASKS``.
        files: further files, by their path inside the project.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: str = "",
        urls: str = URLS,
        tasks: str = "",
        files: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.write("manage.py", MANAGE)
        self.write("shop/__init__.py", "")
        self.write("shop/settings.py", SETTINGS + dedent(settings))
        self.write("shop/urls.py", dedent(urls))
        self.write("shop/tasks.py", TASKS + dedent(tasks))
        for name, text in (files or {}).items():
            self.write(name, dedent(text))
        # The wheel carries the templates in the app; in this repository they lie beside it.
        self.write("carried/__init__.py", "")
        shutil.copytree(ROOT / "templates" / "jobs", folder / "carried" / "templates" / "jobs")

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(
        self, command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] = NOTHING
    ) -> subprocess.CompletedProcess[str]:
        """Run Python in the project; return its output and exit code."""
        return subprocess.run(
            [sys.executable, *command],
            cwd=cwd or self.folder,
            env=self.environment(**env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    def manage(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command of the project, whatever comes of it."""
        return self.run([str(self.folder / "manage.py"), *words], cwd=cwd)

    def do(self, *words: str) -> str:
        """Run a command that must succeed; return what it prints."""
        done = self.manage(*words)
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def python(self, code: str) -> Any:
        """Run code in the project with Django set up; return what it assigns to ``found``.

        ``found`` must be JSON; times and ids become texts.
        """
        program = PREPARED.format(code=dedent(code))
        done = self.run(["-c", program], env={"DJANGO_SETTINGS_MODULE": "shop.settings"})
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout.splitlines()[-1])

    def migrate(self) -> None:
        """Make the tables."""
        self.do("migrate", "--verbosity=0")

    def consume(self) -> str:
        """Run what is due, in a consumer process; return what it logs."""
        done = self.manage("runconsumers", "--until-idle")
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stderr

    def consume_until(self, pattern: str, *, times: int = 1) -> str:
        """Run a consumer process until it has logged a line so many times; return its output."""
        command = [sys.executable, str(self.folder / "manage.py"), "runconsumers"]
        running = RunningProcess(command, env=self.environment(), cwd=self.folder)
        try:
            running.wait_for(pattern, times=times, timeout=30.0)
            running.interrupt()
            assert running.wait() == 0, running.output()
        finally:
            running.end()
        return running.output()

    def environment(self, **env: str) -> dict[str, str]:
        clean = environment(self.folder / "unused", **env)
        del clean["JOBS_DATA_DIR"]  # only the site of this repository reads it
        return clean | {"PYTHONUTF8": "1", "PYTHONPATH": str(self.folder)}


# Without the search for garbage among what imports make it takes 0.15 s of CPU less.
PREPARED: Final = """
import gc
import json
from datetime import datetime, timedelta, UTC

import django

gc.disable()
django.setup()
gc.freeze()
gc.enable()
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

found = None


def sign_in(user):
    client = Client(raise_request_exception=True)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


{code}
print()
print(json.dumps(found, default=str))
"""


SUBMIT: Final = """
from django.core.management import call_command
from jobs.models import Job, Token

call_command("migrate", verbosity=0)
call_command("check", fail_level="WARNING")
{user}
browser = sign_in(user)
sent = browser.post("/tasks/shop.double/", {{"n": "21"}})
token = Token.objects.issue(user)[1]
api = {{"HTTP_AUTHORIZATION": f"Bearer {{token}}", "content_type": "application/json"}}
called = Client().post(
    "/api/v1/jobs", {{"task": "shop.double", "args": {{"n": 1}}}}, **api
)
found = {{
    "form": browser.get("/tasks/shop.double/").status_code,
    "sent": sent.status_code,
    "first": browser.get("/").status_code,
    "called": called.status_code,
    "job": sent.headers["Location"],
    "api": called.headers["Location"],
    "authorization": api["HTTP_AUTHORIZATION"],
}}
"""
READ: Final = """
from jobs.models import Job

user = get_user_model()._default_manager.order_by("pk").first()
browser = sign_in(user)
page = browser.get({job!r})
answer = Client().get({api!r}, HTTP_AUTHORIZATION={authorization!r})
found = {{
    "page": [page.status_code, "42" in page.content.decode()],
    "list": browser.get("/jobs/").status_code,
    "everyone": browser.get("/jobs/?who=all").status_code,
    "log": browser.get({job!r} + "?tab=log").status_code,
    "ticked": browser.post("/jobs/bulk", {{"do": "cancel"}}).status_code,
    "answer": answer.json(),
    "statuses": sorted(Job.objects.values_list("status", flat=True)),
}}
"""


def submit_and_read(project: Project, user: str) -> dict[str, Any]:
    """Make the tables, check, submit by form and by API, run both jobs, look at them.

    Returns what was found. Three processes do it: each takes a second or two to start.

    Args:
        project: one with all addresses at the root.
        user: code that sets ``user`` to somebody new.
    """
    sent = project.python(SUBMIT.format(user=dedent(user)))
    assert sent["form"] == sent["first"] == 200
    assert (sent["sent"], sent["called"]) == (303, 202)
    project.consume()
    keys = ("job", "api", "authorization")
    read: dict[str, Any] = project.python(READ.format(**{key: sent[key] for key in keys}))
    assert read["page"] == [200, True]
    assert read["ticked"] == 303
    assert read["list"] == read["everyone"] == read["log"] == 200
    assert read["statuses"] == ["succeeded", "succeeded"]
    assert read["answer"]["result"] == 2
    return read
