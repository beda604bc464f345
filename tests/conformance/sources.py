"""A foreign suite, from the package index into a folder, with our backend in its settings."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath


def download(requirement: str, folder: Path) -> Path:
    """Download the source distribution of a requirement; return its path."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    options = ["--no-binary", ":all:", "--no-deps", "--dest", str(folder)]
    subprocess.run([*pip, *options, requirement], check=True, timeout=300)
    return next(folder.glob("*.tar.gz"))


def unpack(archive: Path, inside: str, folder: Path) -> None:
    """Copy the Python files of one folder of an archive, flat.

    Args:
        archive: the source distribution.
        inside: the folder below its first level, such as ``tests/tasks``.
        folder: where they go.
    """
    folder.mkdir(parents=True)
    with tarfile.open(archive) as source:
        for member in source:
            path = PurePosixPath(member.name)
            if PurePosixPath(*path.parts[1:-1]) == PurePosixPath(inside) and path.suffix == ".py":
                file = source.extractfile(member)
                assert file is not None
                (folder / path.name).write_bytes(file.read())


def adapt(folder: Path, changes: Mapping[str, str]) -> None:
    """Replace texts in all files of a suite.

    Raises:
        AssertionError: one of them is nowhere: the suite has changed.
    """
    unseen = set(changes)
    for path in folder.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        for old, new in changes.items():
            if old in text:
                unseen.discard(old)
                text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
    assert not unseen, f"The suite has no {sorted(unseen)} any more."
