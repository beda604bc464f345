"""A newcomer's project: ``startproject``, the lines of the README, the lines for production."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.https_client import Browser
from tests.ports import free_port
from tests.subprocesses import ROOT, RunningProcess, environment
from tests.waiting import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.servers]

PASSWORD = "x-long-enough-7"
README = (ROOT / "README.md").read_text(encoding="utf-8")
INSTALLATION = (ROOT / "jobs" / "docs" / "installation.md").read_text(encoding="utf-8")


def block(text: str, mark: str, language: str = "python") -> str:
    """The one code block with this in it."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    (one,) = (code for code in found if mark in code)
    code: str = one
    return code


@dataclass(frozen=True)
class Project:
    """A project in a folder, and the environment of its programs."""

    folder: Path
    env: dict[str, str]

    def run(self, *words: str) -> str:
        """Run Python with these arguments; return what it printed, errors first."""
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stderr + done.stdout

    def append(self, name: str, text: str) -> None:
        """Write at the end of a file of the project."""
        with (self.folder / "mysite" / name).open("a", encoding="utf-8") as file:
            file.write(f"\n{text}")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What the README has one do, word for word."""
    folder, installed = tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("installed")
    # Its dependencies are here already; which ones it brings is tested elsewhere.
    install = [sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable]
    install += ["--no-deps", "--no-build-isolation", "--target", str(installed), str(ROOT)]
    subprocess.run(install, check=True, capture_output=True)
    env = environment(
        folder, PYTHONPATH=str(installed), PYTHONUTF8="1", DJANGO_SUPERUSER_PASSWORD=PASSWORD
    )
    started = Project(folder, env)
    started.run("-m", "django", "startproject", "mysite", ".")
    started.run("manage.py", "startapp", "demo")
    started.append("settings.py", 'INSTALLED_APPS += ["demo"]\n')
    started.append("settings.py", block(README, "INSTALLED_APPS"))
    started.append("urls.py", block(README, "urlpatterns"))
    task = block(README, "def count_words")
    (folder / "demo" / "tasks.py").write_text(task, encoding="utf-8")
    return started


def test_the_readmes_lines_are_enough(project: Project) -> None:
    assert "no issues" in project.run("manage.py", "check")
    project.run("manage.py", "migrate", "--verbosity", "0")
    root = ("--no-input", "--username", "root", "--email", "root@example.org")
    project.run("manage.py", "createsuperuser", *root)
    project.run("manage.py", "submit", "demo.count_words", "text=to be or not to be")
    assert "demo.count_words" in project.run("manage.py", "runconsumers", "--until-idle")
    with closing(sqlite3.connect(project.folder / "db.sqlite3")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert (project.folder / "var").is_dir()


@pytest.fixture(scope="module")
def deployed(project: Project) -> Iterator[tuple[Project, int]]:
    """The same project in production, under gunicorn."""
    if os.name == "nt":
        pytest.skip("gunicorn does not run on Windows")
    gunicorn = Path(sys.executable).with_name("gunicorn")
    if not gunicorn.exists():
        pytest.skip("gunicorn is not installed")
    project.append("settings.py", block(INSTALLATION, "STATIC_ROOT"))
    key = "0123456789abcdefghijklmnopqrstuvwxyz" * 2
    project.append("settings.py", f'SECRET_KEY = "{key}"\n')
    commands = block(INSTALLATION, "collectstatic", "sh").splitlines()
    assert {line.split()[2] for line in commands} == {
        "migrate",
        "createsuperuser",
        "collectstatic",
        "check",
    }
    project.run("manage.py", "collectstatic", "--no-input", "--verbosity", "0")
    port = free_port()
    command = [str(gunicorn), "mysite.wsgi", "--threads", "4", "--bind", f"127.0.0.1:{port}"]
    with RunningProcess(command, env=project.env, cwd=project.folder) as running:
        yield from _deployed(project, port, running)


def _deployed(
    project: Project, port: int, running: RunningProcess
) -> Iterator[tuple[Project, int]]:
    probe = Browser("10.42.0.17", port)

    def responds() -> bool:
        try:
            return probe.get("/healthz").status == 200
        except OSError:
            return False

    wait_until(responds, what="a probe is answered by the process itself")
    yield project, port
    running.process.terminate()
    assert running.wait() == 0


def test_the_lines_for_production_are_enough(deployed: tuple[Project, int]) -> None:
    project, port = deployed
    told = project.run("manage.py", "check", "--deploy", "--fail-level", "CRITICAL")
    # What the project's people decide: HSTS, and where mail is sent.
    assert set(re.findall(r"\((\w+\.[A-Z]\d+)\)", told)) <= {"security.W004", "mail.E001"}
    proxy = Browser("desk.example.org", port, X_Forwarded_Proto="https", Host="desk.example.org")
    proxy.origin = "https://desk.example.org"
    page = proxy.get("/sign-in/?next=/")
    assert page.status == 200
    for one in re.findall(r'(?:href|src)="(/static/[^"]*)"', page.text):
        assert proxy.get(one).status == 200, one
    sent = proxy.post_form("/sign-in/", page, username="root", password=PASSWORD)
    assert (sent.status, sent.headers["location"]) == (302, "/")
    assert "Count words" in proxy.get("/").text
    assert proxy.get("/admin/").status == 200
    assert Browser("desk.example.org", port).get("/").status == 301
