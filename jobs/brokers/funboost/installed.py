"""Whether funboost is installed as ``requirements.txt`` names it. Imports nothing of it."""

from __future__ import annotations

import re
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")
_NAME: Final = re.compile(r"[\w.-]+")


def is_installed() -> bool:
    """Whether consumers run on funboost; without it they run on plain threads."""
    return find_spec("funboost") is not None


def requirements() -> list[str]:
    """Return the lines of ``requirements.txt`` that name a distribution."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def install_command() -> str:
    """Return the command that installs funboost beside Jobdesk, for any shell."""
    words = [f'"{word}"' if "<" in word else word for word in requirements()]
    return f"python -m pip install --no-deps {' '.join(words)}"


def find_problem() -> str | None:
    """Return what is wrong with an installed funboost as a sentence, or None."""
    if not is_installed():
        return None
    found = [wrong for line in requirements() if (wrong := _compare(line))]
    return f"Consumers cannot run on the installed funboost: {', '.join(found)}." if found else None


def _compare(requirement: str) -> str | None:
    name, _, pinned = requirement.partition("==")
    name = _NAME.findall(name)[0]
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{name} is missing"
    # The others are public packages that keep their interfaces; the pinned ones are used inside.
    return f"{name} is {version} instead of {pinned}" if pinned and version != pinned else None
