"""Typed helpers that read the environment; their errors name the variable."""

from __future__ import annotations

import os
import re
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})
_PREFIX = re.compile(r"(/[\w~-][\w.~-]*)+", re.ASCII)


def text(name: str, default: str = "") -> str:
    """Return the variable without surrounding space, or the default when unset or empty."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool = False) -> bool:
    """Return the variable as yes or no.

    Raises:
        ImproperlyConfigured: it is neither.
    """
    value = text(name).lower()
    if not value:
        return default
    if value in _YES | _NO:
        return value in _YES
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def number(name: str, default: float, *, minimum: float = 0.0) -> float:
    """Return the variable as a number.

    Raises:
        ImproperlyConfigured: it is not a finite number, or below the minimum.
    """
    value = text(name)
    if not value:
        return default
    try:
        found = float(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}.") from None
    if not minimum <= found < float("inf"):
        raise ImproperlyConfigured(f"{name} must be {minimum:g} or more, not {value}.")
    return found


def whole(name: str, default: int, *, minimum: int = 0) -> int:
    """Return the variable as a whole number.

    Raises:
        ImproperlyConfigured: it is not a whole number, or below the minimum.
    """
    value = text(name)
    if not value:
        return default
    try:
        found = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if found < minimum:
        raise ImproperlyConfigured(f"{name} must be {minimum} or more, not {value}.")
    return found


def csv(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Return the variable as a list, split at commas."""
    found = [item.strip() for item in text(name).split(",") if item.strip()]
    return found or list(default)


def path_prefix(name: str) -> str:
    """Return the variable as the path of an address: ``/desk``, or "" for none.

    Raises:
        ImproperlyConfigured: it is no such path.
    """
    value = text(name).rstrip("/")
    if value and not _PREFIX.fullmatch(value):
        raise ImproperlyConfigured(f"{name} must be a path such as /desk, not {value!r}.")
    return value


def folder(name: str, default: Path, *, base: Path) -> Path:
    """Return the variable as an absolute path; a relative one starts at ``base``.

    It does not start at the working directory: the site and its consumers may be started from
    different places and must find the same folder.
    """
    value = text(name)
    return _resolved(base / Path(value).expanduser()) if value else default


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except OSError:  # Windows asks the file system, which may not take so long a path
        return Path(os.path.abspath(path))  # noqa: PTH100  (without the file system)
