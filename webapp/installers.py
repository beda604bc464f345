"""The programs that can install packages into ``.venv``: uv, and pip. Standard library only.

uv from PyPI is used first, because it is several times as fast. pip fetches it, and does its work
where uv cannot be had, fails, or does not know a setting of pip's.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

PIP_OPTIONS = ["--no-input", "--disable-pip-version-check", "--prefer-binary", "--retries=2"]
# Python compiles what it imports, and it never imports most of what is installed.
PIP_OPTIONS += ["--no-compile", "--progress-bar=off"]
UV_OPTIONS = ["--color=never", "--no-progress"]

# Settings of pip that uv has under another name, in its environment.
_CARRIED = {
    "index-url": ("UV_INDEX_URL",),
    "proxy": ("HTTPS_PROXY", "HTTP_PROXY"),
    "cert": ("SSL_CERT_FILE",),
    "timeout": ("UV_HTTP_TIMEOUT",),
    "default-timeout": ("UV_HTTP_TIMEOUT",),
    "find-links": ("UV_FIND_LINKS",),
}
# Settings of pip that change nothing of what is installed from where. With any other, pip is used.
_HARMLESS = frozenset(
    """
    break-system-packages cache-dir disable-pip-version-check no-cache-dir no-color no-compile
    no-input no-python-version-warning no-warn-conflicts no-warn-script-location prefer-binary
    progress-bar quiet require-virtualenv require-venv retries root-user-action user verbose
    """.split()
)
_SECTIONS = ("global", "install", ":env:")  # a later one wins


class Installer(NamedTuple):
    """A command that installs what its further arguments name, and the environment for it."""

    command: list[str]
    environment: dict[str, str]


def pip_installer(pip: list[str]) -> Installer:
    """Return pip as an installer."""
    # A user's default, which fails inside a virtual environment.
    return Installer([*pip, "install", *PIP_OPTIONS], {"PIP_USER": "0"})


def find_pip(python: Path) -> list[str] | None:
    """Return the command of a pip that installs for this Python; None if there is no pip.

    It need not be installed there: the one that every Python carries to install pip with runs as
    it is (on Debian a package of its own has it), and one outside can do it as well.
    """
    found = [[str(python), "-m", "pip"]]
    if wheel := bundled_pip():
        found.append([str(python), str(wheel / "pip")])
    if importlib.util.find_spec("pip"):
        found.append([sys.executable, "-m", "pip", "--python", str(python)])
    return next((pip for pip in found if _works([*pip, "--version"])), None)


def bundled_pip() -> Path | None:
    """Return pip's wheel inside this Python's ``ensurepip``."""
    spec = importlib.util.find_spec("ensurepip")
    if spec is None or spec.origin is None:
        return None
    return next(iter((Path(spec.origin).parent / "_bundled").glob("pip-*.whl")), None)


def find_uv(python: Path) -> str | None:
    """Return the path of uv beside this Python or on the path."""
    beside = python.with_name("uv.exe" if os.name == "nt" else "uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def uv_installer(uv: str, python: Path, environment: dict[str, str]) -> Installer:
    """Return uv as an installer for this Python."""
    return Installer([uv, "pip", "install", "--python", str(python), *UV_OPTIONS], environment)


def read_settings(pip: list[str]) -> dict[str, str] | None:
    """Return pip's settings for an installation, of its files and variables; None on failure."""
    done = subprocess.run(
        [*pip, "config", "list"], capture_output=True, check=False, encoding="utf-8"
    )
    return parse_settings(done.stdout.splitlines()) if done.returncode == 0 else None


def parse_settings(lines: Iterable[str]) -> dict[str, str]:
    """Return the settings in lines such as ``global.index-url='https://...'``."""
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in lines:
        key, equals, value = line.partition("=")
        section, _, name = key.strip().partition(".")
        if equals and section in found:
            found[section][name] = str(ast.literal_eval(value.strip()))
    return {name: value for section in _SECTIONS for name, value in found[section].items()}


def uv_environment(settings: dict[str, str] | None) -> dict[str, str] | None:
    """Return the variables that tell uv what these settings tell pip; None if uv cannot know.

    Variables of uv that are set already stay as they are.
    """
    if settings is None or not settings.keys() <= _CARRIED.keys() | _HARMLESS:
        return None
    found = {"UV_SYSTEM_CERTS": "1"}  # as pip does: a company's certificates are there
    for name, value in settings.items():
        for variable in _CARRIED.get(name, ()):
            found[variable] = ",".join(value.split()) if name == "find-links" else value
    return {name: value for name, value in found.items() if not os.environ.get(name)}


def _works(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
