"""Makes ``.venv`` beside ``manage.py`` and installs the project there. Standard library only."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = ROOT / "pyproject.toml"
VENV = ROOT / ".venv"
STAMP = VENV / "jobdesk.json"
LOG = VENV / "install.log"
_OWN_EXTRAS = re.compile(r"^jobdesk\[([\w,-]+)\]$")


class InstallError(Exception):
    """The packages can't be installed; the message says why and what to do."""


def venv_python() -> Path:
    """Return the path of the virtual environment's Python, whether it exists or not."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def requirements(extras: Iterable[str]) -> list[str]:
    """Return the project's requirements, with those of its extras, from pyproject.toml."""
    project = _project()
    found: list[str] = list(project["dependencies"])
    optional = project["optional-dependencies"]
    for extra in _with_included(extras, optional):
        found += [line for line in optional[extra] if not _OWN_EXTRAS.match(line)]
    return found


def _with_included(extras: Iterable[str], optional: dict[str, list[str]]) -> list[str]:
    """Return these extras and the ones that they name as ``jobdesk[...]``, sorted."""
    found: set[str] = set()
    waiting = list(extras)
    while waiting:
        extra = waiting.pop()
        if extra in found:
            continue
        found.add(extra)
        for line in optional.get(extra, []):
            if own := _OWN_EXTRAS.match(line):
                waiting.extend(own[1].split(","))
    return sorted(found)


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    return project


def ensure(extras: Iterable[str]) -> bool:
    """Bring ``.venv`` up to date with pyproject.toml; return whether anything was installed.

    Raises:
        InstallError: it cannot be made, or pip failed.
    """
    # With the included ones: `test` brings PostgreSQL's driver, so `up` need not install it again.
    optional = _project()["optional-dependencies"]
    all_extras = _with_included([*extras, *_stamped_extras()], optional)
    wanted = {"pyproject": _digest(), "extras": all_extras}
    if venv_python().exists() and _stamp() == wanted:
        return False
    try:
        show("Installing what Jobdesk needs into .venv:")
        if not venv_python().exists():
            _make_venv()
        _install(_pip(), all_extras)
        STAMP.write_text(json.dumps(wanted), encoding="utf-8")
    except OSError as error:
        raise InstallError(
            f"{VENV} can't be written: {error.strerror or error}. "
            "Make the folder of manage.py writable, or activate an environment of your own."
        ) from error
    return True


def _digest() -> str:
    return hashlib.sha256(PYPROJECT.read_bytes()).hexdigest()


def _stamp() -> dict[str, Any]:
    try:
        found = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _stamped_extras() -> list[str]:
    """Extras installed before are kept: `test` after `up` must not remove PostgreSQL's driver."""
    return list(_stamp().get("extras", [])) if venv_python().exists() else []


def _make_venv() -> None:
    import venv

    builder = venv.EnvBuilder(clear=VENV.exists(), with_pip=False, symlinks=os.name != "nt")
    builder.create(VENV)


def _pip() -> list[str]:
    """Return the command of a pip that installs into ``.venv``.

    Debian's Python lacks pip's installer: then a pip outside is used.
    """
    inside = [str(venv_python()), "-m", "pip"]
    if _works([*inside, "--version"]):
        return inside
    if _works([str(venv_python()), "-m", "ensurepip", "--upgrade", "--default-pip"]):
        return inside
    outside = [sys.executable, "-m", "pip", "--python", str(venv_python())]
    if find_spec("pip") and _works([*outside, "--version"]):
        return outside
    raise InstallError(
        "This Python has no pip to install packages with. Install it, on Debian or Ubuntu with "
        f"`apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv`, and run this again."
    )


def _works(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _install(pip: list[str], extras: list[str]) -> None:
    options = ["--no-input", "--disable-pip-version-check", "--prefer-binary", "--retries=2"]
    # Python compiles what it imports, and it never imports most of funboost's dependencies.
    options += ["--no-compile", "--progress-bar=off"]
    project = f"{ROOT}[{','.join(extras)}]"
    command = [*pip, "install", *options, "--editable", project]
    started = time.monotonic()
    with (
        LOG.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=os.environ
            | {"PIP_USER": "0"},  # a user's default, which fails inside a virtual environment
        ) as process,
    ):
        complaint = _follow(process.stdout or (), log)
    if process.returncode:
        raise InstallError(f"The packages were not installed: {complaint} All of it: {LOG}")
    show(f" done in {time.monotonic() - started:.0f} s\n")


def _follow(lines: Iterable[str], log: TextIO) -> str:
    """Copy pip's output to the log, show a count now and then, return its error."""
    collected, complaint = 0, "pip said nothing."
    for line in lines:
        log.write(line)
        if line.lstrip().startswith("Collecting "):
            collected += 1
            show(f" {collected}" if collected % 10 == 0 else "")
        elif line.startswith("Installing collected packages"):
            show(f" {collected} packages found, writing them,")
        elif "Retrying (" in line:
            complaint = "the package index can't be reached. Look at the network or pip's proxy."
        elif line.startswith("ERROR:") and "index" not in complaint:
            complaint = line.removeprefix("ERROR:").strip().rstrip(".") + "."
    return complaint


_shown = ""


def show(text: str) -> None:
    """Add to the one line of progress; it looks the same on a terminal and in a file."""
    global _shown
    _shown += text
    print(text, end="", flush=True)


def line_is_open() -> bool:
    """Whether the line of progress has not been ended."""
    return bool(_shown) and not _shown.endswith("\n")
