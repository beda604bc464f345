"""The image of the documentation, made without Docker: its instructions in a folder and a new
environment of Python."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.dockerfile import instructions
from tests.ports import free_port
from tests.subprocesses import ROOT, RunningProcess, environment
from tests.waiting import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.install]

SECRET = "0123456789abcdefghijklmnopqrstuvwxyz" * 2
TEXT = (ROOT / "jobs" / "docs" / "examples" / "Dockerfile").read_text(encoding="utf-8")
BUILD, IMAGE = (f"FROM {part}" for part in TEXT.split("FROM ")[1:])
LAST = dict(instructions(IMAGE))


@dataclass(frozen=True)
class Image:
    """What the instructions have made."""

    app: Path
    env: dict[str, str]

    def run(self, words: list[str]) -> str:
        """Run a command as in a container; return what it prints."""
        done = subprocess.run(
            words, cwd=self.app, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def copy(sources: list[str], target: Path) -> None:
    for source in (ROOT / one for one in sources):
        ignored = shutil.ignore_patterns("__pycache__")
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
        else:
            # As Docker: a target with a slash at its end, or an existing folder, is a folder.
            (target if target.is_dir() else target.parent).mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def equivalent(words: list[str], venv: Path) -> list[str]:
    """Return a command that does the same here: with this Python, and quicker than by pip."""
    if words[:2] == ["pip", "install"]:
        uv = [sys.executable, "-m", "uv", "pip", "install", "--python", str(venv / "bin/python")]
        return [*uv, *(one for one in words[2:] if one != "--no-cache-dir")]
    return [sys.executable, *words[1:]] if "venv" in words else words


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    if "install" not in os.environ.get("JOBS_TEST_REQUIRE", ""):
        pytest.skip("it downloads packages: set JOBS_TEST_REQUIRE=install to run it")
    if os.name == "nt":
        pytest.skip("an image of Linux")
    folder = tmp_path_factory.mktemp("image")
    app, venv = folder / "app", folder / "venv"
    app.mkdir()
    path = os.pathsep.join([str(venv / "bin"), os.environ["PATH"]])
    env = environment(folder / "data", PATH=path, SECRET_KEY=SECRET, ALLOWED_HOSTS="desk.example")
    made = Image(app, env)
    for word, rest in instructions(BUILD):
        if word == "COPY":
            *sources, target = shlex.split(rest)
            if target.endswith("/"):
                (app / target).mkdir(parents=True, exist_ok=True)
            copy(sources, app / target)
        elif word == "RUN":
            words = shlex.split(rest.replace("/opt/venv", str(venv)))
            made.run(equivalent(words, venv))
    return made


@pytest.fixture(scope="module")
def site(image: Image) -> Iterator[tuple[Image, int]]:
    image.run(["python", "manage.py", "migrate", "--verbosity", "0"])
    port = free_port()
    command = [one.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for one in json.loads(LAST["CMD"])]
    with RunningProcess(command, env=image.env, cwd=image.app) as running:
        yield image, port
        running.process.terminate()
        assert running.wait() == 0


def test_it_serves_and_is_healthy(site: tuple[Image, int]) -> None:
    image, port = site
    check = LAST["HEALTHCHECK"].partition("CMD ")[2].replace("8000", str(port))

    def is_healthy() -> bool:
        words = json.loads(check)
        return (
            subprocess.run(words, env=image.env, check=False, capture_output=True).returncode == 0
        )

    wait_until(is_healthy, what="the check succeeds")


def test_it_runs_jobs_from_its_one_copy_of_the_code(site: tuple[Image, int]) -> None:
    image, _ = site
    image.run(["python", "manage.py", "submit", "webapp.square", "n=7"])
    image.run(["python", "manage.py", "runconsumers", "--until-idle"])
    where = "import jobs; print(jobs.__file__)"
    assert image.run(["python", "-c", where]).strip() == str(image.app / "jobs" / "__init__.py")
    check = image.run(["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"])
    assert "no issues" in check
