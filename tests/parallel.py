"""A pytest plugin: a run of whole folders uses several processes, unless the caller chose.

``-n``, ``--dist``, ``--tx`` and ``-p no:xdist`` are the caller's choice. A debugger, ``-s`` and the
listing of tests need the terminal, so they run in one process, and so does a run of single files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

LONGEST_FIRST: Final = (
    "windows",
    "site",
    "chaos",
    "projects",
    "brokers",
    "processes",
    "browser",
    "properties",
    "integration",
    "unit",
)
"""Folders in the order in which the processes take them: a long test at the end runs alone."""
FIXED_NAMES: Final = re.compile(
    r"brokers/test_\w+\.py::.*\[(redis|kafka|rabbitmq)\b"
    r"|brokers/test_read_only\.py::test_a_consumer_keeps_messages"  # with Redis
)
"""Tests of a server whose streams and topics have fixed names: they run one at a time."""
MOST_PROCESSES: Final = 12
"""Each takes two seconds of CPU to start, and the longest test bounds the whole run anyway."""
OWN_DISTRIBUTIONS: Final = {"no", "load", "loadscope"}
NEED_THE_TERMINAL: Final = ("usepdb", "trace", "collectonly", "setupplan", "setupshow", "setuponly")


@pytest.hookimpl(tryfirst=True)  # before xdist reads its options
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Ask xdist for its default number of processes."""
    is_worker = hasattr(config, "workerinput")
    if config.pluginmanager.hasplugin("xdist") and not is_worker and is_parallel(config):
        config.option.numprocesses = "auto"


def is_parallel(config: pytest.Config) -> bool:
    """Whether this run uses several processes though its command line does not say so."""
    option = config.option
    chosen = option.numprocesses is not None or option.dist != "no" or option.tx
    interactive = option.capture == "no" or any(getattr(option, n, 0) for n in NEED_THE_TERMINAL)
    return not chosen and not interactive and has_folder(config.args)


def has_folder(arguments: Sequence[str]) -> bool:
    """Whether a whole folder is to be tested, other than the unit tests.

    These take 16 s of CPU in one process and 32 s in three, each of which collects them all.
    """
    folders = [Path(argument) for argument in arguments if Path(argument).is_dir()]
    return any(folder.name != "unit" for folder in folders)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Return two processes a core: of the time of most long tests, two thirds are waiting."""
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None  # xdist reads it
    return min(MOST_PROCESSES, 2 * _cores())


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@pytest.hookimpl(trylast=True)  # pytest-django has its own order, for one process
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the tests that take long, when several processes share the work."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: order_of(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Distribute the tests by ``scope_of``, in the order of their collection."""
    if config.option.dist not in OWN_DISTRIBUTIONS:
        return None
    from xdist.scheduler import LoadScopeScheduling  # without xdist this hook is never called

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return scope_of(nodeid)

    config.option.loadscopereorder = False
    return Scheduling(config, log)


def folder_of(nodeid: str) -> str:
    """Return the folder of a test below ``tests``."""
    return nodeid.removeprefix("tests/").partition("/")[0]


def order_of(nodeid: str) -> int:
    """Return the place of a test's folder in ``LONGEST_FIRST``; other folders come last."""
    folder = folder_of(nodeid)
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)


def scope_of(nodeid: str) -> str:
    """Return what stays in one process: a file, a test of the chaos, all tests of a server."""
    folder = folder_of(nodeid)
    if folder == "chaos":
        return nodeid  # each has a site of its own, and takes long
    if folder == "windows":
        return folder  # all share a site
    shared = FIXED_NAMES.search(nodeid)
    return (shared[1] or "redis") if shared else nodeid.partition("::")[0]


@pytest.hookimpl
def pytest_make_parametrize_id(val: object) -> str | None:
    """Name no test after bytes: they may hold the time or a secret of the process that makes them,
    and processes that collect other names run nothing."""
    return "bytes" if isinstance(val, bytes) else None
