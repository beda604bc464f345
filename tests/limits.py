"""Takes resources away from a running process, and gives them back. Linux only."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

CGROUPS = (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))
"""Of version 1 and of version 2."""


@contextmanager
def no_more_files(pid: int) -> Iterator[None]:
    """Within it, the process can open no file, pipe or socket more (``ulimit -n``)."""
    resource = _resource()
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    # Those that are open stay so. A new one must have a number below the limit.
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # a child that met the limit may have been replaced
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@contextmanager
def no_more_processes(pid: int) -> Iterator[None]:
    """Within it, the process can start no process or thread more (``ulimit -u``, a pids limit)."""
    resource = _resource()
    if os.geteuid() == 0:  # root has no ulimit -u
        with _pids_limit(pid):
            yield
        return
    before = resource.prlimit(pid, resource.RLIMIT_NPROC)
    resource.prlimit(pid, resource.RLIMIT_NPROC, (1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NPROC, before)


def _resource() -> Any:
    if sys.platform != "linux":
        pytest.skip("only Linux changes the limits of a running process")
    return importlib.import_module("resource")


@contextmanager
def _pids_limit(pid: int) -> Iterator[None]:
    made: Path | None = None
    for root in CGROUPS:
        folder = root / f"jobs-test-{pid}"
        try:
            folder.mkdir()
        except OSError:
            continue
        if (folder / "pids.max").exists():
            made = folder
            break
        folder.rmdir()
    if made is None:
        pytest.skip("root needs a control group with a pids limit, and may make none here")
    try:
        _write(made / "cgroup.procs", pid)
        _write(made / "pids.max", 1)
        yield
    finally:
        _write(made / "pids.max", "max")
        for process in (made / "cgroup.procs").read_text(encoding="ascii").split():
            _write(made.parent / "cgroup.procs", process)
        made.rmdir()


def _write(file: Path, value: object) -> None:
    file.write_text(str(value), encoding="ascii")
