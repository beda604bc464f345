"""A folder set up once for each system and copied for each measurement: migrating takes seconds."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from tests.benchmarks.sandbox import Sandbox
from tests.benchmarks.systems.base import System

PREFIX = "prepared-"


def prepare(system: System, sandbox: Sandbox) -> None:
    """Prepare the system in its folder, or copy what was prepared for an earlier measurement."""
    kept = sandbox.folder.parent / f"{PREFIX}{system.name}"
    if kept.exists():
        _copy(kept, sandbox.folder)
        return
    system.prepare(sandbox)
    if not system.postgres:
        _keep(sandbox.folder, kept)


def clear(folder: Path) -> None:
    """Remove what was kept in a folder."""
    for kept in folder.glob(f"{PREFIX}*"):
        shutil.rmtree(kept, ignore_errors=True)


def _keep(made: Path, kept: Path) -> None:
    from django.db import connections

    connections.close_all()  # SQLite writes all of its log into the file only then
    beside = Path(tempfile.mkdtemp(prefix="new-", dir=kept.parent))
    _copy(made, beside)
    os.replace(beside, kept)  # noqa: PTH105  (atomic: never half of it)


def _copy(source: Path, target: Path) -> None:
    """Copy what is missing: files that the settings have written name their own folder."""
    for file in source.rglob("*"):
        there = target / file.relative_to(source)
        if file.is_dir():
            there.mkdir(exist_ok=True)
        elif not there.exists():
            shutil.copy2(file, there)
