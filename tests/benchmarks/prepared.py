"""Tables are made once for each system, and copied for each measurement: it takes seconds."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from tests.benchmarks.place import Place
from tests.benchmarks.systems.base import System

PREFIX = "prepared-"


def prepare(system: System, place: Place) -> None:
    """Prepare the system in its folder, or take what was prepared in one beside it."""
    kept = place.folder.parent / f"{PREFIX}{system.name}"
    if kept.exists():
        _copy(kept, place.folder)
        return
    system.prepare(place)
    if not system.postgres:
        _keep(place.folder, kept)


def forget(folder: Path) -> None:
    """Remove what was kept there."""
    for kept in folder.glob(f"{PREFIX}*"):
        shutil.rmtree(kept, ignore_errors=True)


def _keep(made: Path, kept: Path) -> None:
    from django.db import connections

    connections.close_all()  # only then is all of it in the file
    beside = Path(tempfile.mkdtemp(prefix="new-", dir=kept.parent))
    _copy(made, beside)
    os.replace(beside, kept)  # noqa: PTH105  (never half of it)


def _copy(source: Path, target: Path) -> None:
    """Copy what is not there yet: what the settings have written names its own folder."""
    for file in source.rglob("*"):
        there = target / file.relative_to(source)
        if file.is_dir():
            there.mkdir(exist_ok=True)
        elif not there.exists():
            shutil.copy2(file, there)
