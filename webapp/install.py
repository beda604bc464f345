"""Makes ``.venv`` beside ``manage.py`` and installs the project there. Standard library only."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from . import requirements, virtual_environment
from .installers import (
    Installer,
    find_pip,
    find_uv,
    pip_installer,
    read_settings,
    uv_environment,
    uv_installer,
)

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "jobdesk.json"
LOG = VENV / "install.log"
UNREACHABLE = "the package index can't be reached. Look at the network or pip's proxy."
_UV_RESOLVED = re.compile(r"Resolved (\d+) packages? in")


class InstallError(Exception):
    """The packages can't be installed; the message says why and what to do."""


def venv_python() -> Path:
    """Return the path of the virtual environment's Python, whether it exists or not."""
    return virtual_environment.python_in(VENV)


def ensure(extras: Iterable[str]) -> bool:
    """Bring ``.venv`` up to date with pyproject.toml; return whether anything was installed.

    Raises:
        InstallError: it cannot be made, or neither uv nor pip could install.
    """
    # With the included ones: `test` brings PostgreSQL's driver, so `up` need not install it again.
    all_extras = requirements.with_included([*extras, *_stamped_extras()])
    wanted = {"pyproject": requirements.digest(), "extras": all_extras}
    if venv_python().exists() and _stamp() == wanted:
        return False
    try:
        show("Installing what Jobdesk needs into .venv:")
        if not venv_python().exists() and (complaint := virtual_environment.make(VENV)):
            raise InstallError(complaint)
        _install(all_extras)
        STAMP.write_text(json.dumps(wanted), encoding="utf-8")
    except OSError as error:
        raise InstallError(
            f"{error.filename or VENV} can't be written: {error.strerror or error}. "
            "Make the folder of manage.py writable, or activate an environment of your own."
        ) from error
    return True


def _stamp() -> dict[str, Any]:
    try:
        found = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _stamped_extras() -> list[str]:
    """Extras installed before are kept: `test` after `up` must not remove PostgreSQL's driver."""
    return list(_stamp().get("extras", [])) if venv_python().exists() else []


def _install(extras: list[str]) -> None:
    """Install with uv; with pip if that is not possible."""
    started = time.monotonic()
    pip = find_pip(venv_python())
    with LOG.open("w", encoding="utf-8") as log:
        uv = _get_uv(pip, log)
        complaint = _run_steps(uv, extras, log) if uv else "uv is not used."
        if complaint and pip:
            show(" pip," if uv else "")
            complaint = _run_steps(pip_installer(pip), extras, log)
        elif complaint:
            complaint = _no_pip()
    if complaint:
        raise InstallError(_failure(complaint))
    show(f" done in {time.monotonic() - started:.0f} s\n")


def _get_uv(pip: list[str] | None, log: TextIO) -> Installer | None:
    """Return uv, which pip fetches if it is not here; None if it cannot be used.

    Raises:
        InstallError: the package index can't be reached.
    """
    environment = uv_environment(read_settings(pip)) if pip else {}
    if environment is None:
        return None
    uv = find_uv(venv_python())
    if uv is None and pip:
        show(" uv,")
        # Never its source, which would need a compiler of Rust.
        arguments = ["--only-binary=:all:", "--no-deps", "uv"]
        if _run(pip_installer(pip), arguments, log) == UNREACHABLE:
            raise InstallError(_failure(UNREACHABLE))
        uv = find_uv(venv_python())
    return uv_installer(uv, venv_python(), environment) if uv else None


def _failure(complaint: str) -> str:
    return f"The packages were not installed: {complaint} All of it: {LOG}"


def _no_pip() -> str:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    how = (
        "python.org's installer brings it"
        if os.name == "nt"
        else f"on Debian or Ubuntu with `apt install python{version}-venv`"
    )
    return (
        f"This Python has no pip to install packages with. Install it ({how}), and run this again."
    )


def _run_steps(installer: Installer, extras: list[str], log: TextIO) -> str:
    """Install the project, then funboost; return what went wrong, or nothing."""
    complaint = _run(installer, ["pip", "--editable", f".[{','.join(extras)}]"], log)
    if not complaint:
        show(" funboost,")
        # Its own requirements are left out: the file says why.
        complaint = _run(installer, ["--no-deps", "-r", str(requirements.FUNBOOST)], log)
    return complaint


def _run(installer: Installer, arguments: list[str], log: TextIO) -> str:
    """Run an installer in the project's folder; return what went wrong, or nothing."""
    try:
        process = subprocess.Popen(
            [*installer.command, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=os.environ | installer.environment,
        )
    except OSError as error:  # such as a uv of another machine
        return f"{installer.command[0]} can't be run: {error.strerror or error}."
    with process:
        complaint = _follow(process.stdout or (), log)
    return complaint if process.returncode else ""


def _follow(lines: Iterable[str], log: TextIO) -> str:
    """Copy an installer's output to the log, show a count now and then, return its error."""
    collected, complaint = 0, "the installer said nothing."
    for line in lines:
        log.write(line)
        if line.lstrip().startswith("Collecting "):
            collected += 1
            show(f" {collected}" if collected % 10 == 0 else "")
        elif line.startswith("Installing collected packages") and collected > 1:
            show(f" {collected} packages found, writing them,")
        elif found := _UV_RESOLVED.match(line):
            show(f" {found[1]} packages,")
        elif "Retrying (" in line:
            complaint = UNREACHABLE
        elif line.startswith("ERROR:") and complaint != UNREACHABLE:
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
