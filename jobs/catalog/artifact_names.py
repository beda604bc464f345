"""The names of artifacts: names that every system can save, whatever a task made up."""

from __future__ import annotations

import os
import re
from pathlib import PurePath, PureWindowsPath
from typing import Any, Final, NamedTuple

from jobs.core.jsonutils import clean
from jobs.core.storage import RESULT_FILE

MAX_LENGTH: Final = 150
UNNAMED: Final = "unnamed"
# What Windows refuses, the separators of paths, control characters, and those that change the
# direction of writing, by which "cod.exe" passes for "exe.doc" (Unicode TR 36, section 3).
_REFUSED: Final = re.compile('[<>:"/\\\\|?*\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufffd]')
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED: Final = re.compile(
    r"(con|prn|aux|nul|com[0-9\xb9\xb2\xb3]|lpt[0-9\xb9\xb2\xb3])(\.|$)", re.IGNORECASE
)


class SafeName(NamedTuple):
    """A name to store, and why it is not the one that was asked for; empty if it is."""

    name: str
    why: str


def safe_name(wanted: Any) -> SafeName:
    """Return a name for an artifact that can be stored, downloaded and saved anywhere.

    Args:
        wanted: the task's own; of a ``Path`` its last part counts.
    """
    text = PurePath(wanted).name if isinstance(wanted, os.PathLike) else wanted
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    why = [] if isinstance(text, str) else [f"it was {type(text).__name__}, not text"]
    name = clean(str(text))
    refused = sorted(set(_REFUSED.findall(name)))
    if refused:
        name = _REFUSED.sub("_", name)
        why.append(f"it had {' '.join(map(ascii, refused))}")
    stripped = name.strip().rstrip(". ")
    if name != stripped:
        why.append("it began or ended with a space or a point")
        name = stripped
    if not name:
        why.append("it was empty")
        name = UNNAMED
    if _RESERVED.match(name) or name == RESULT_FILE:
        why.append("the name is reserved")
        name = f"_{name}"
    if len(name) > MAX_LENGTH:
        why.append(f"it had more than {MAX_LENGTH} characters")
        name = shorten(name, MAX_LENGTH)
    return SafeName(name, ", ".join(why))


def numbered(name: str, number: int) -> str:
    """Return the name with a number before its extension: ``report-2.pdf``."""
    suffix = f"-{number}"
    stem, extension = _split(shorten(name, MAX_LENGTH - len(suffix)))
    return f"{stem}{suffix}{extension}"


def shorten(name: str, length: int) -> str:
    """Cut a name in its middle: its extension stays."""
    if len(name) <= length:
        return name
    stem, extension = _split(name)
    return f"{stem[: length - len(extension)].rstrip('. ')}{extension}"


def _split(name: str) -> tuple[str, str]:
    extension = PureWindowsPath(name).suffix
    return (name.removesuffix(extension), extension) if len(extension) <= 20 else (name, "")


class NamesOfAttempt:
    """The names that an attempt has used: two that are made equal stay two files."""

    def __init__(self) -> None:
        self._wanted: dict[str, str] = {}  # by the name that was given

    def choose(self, wanted: Any) -> SafeName:
        """Return the name for what a task wants to store. The same name again gives the same."""
        name, why = safe_name(wanted)
        first, number = name, 1
        while self._wanted.setdefault(name, str(wanted)) != str(wanted):
            number += 1
            name = numbered(first, number)
        if number > 1:
            why = f"{why}, and" if why else ""
            why = f"{why} another file has the name {first!r}".strip()
        return SafeName(name, why)
