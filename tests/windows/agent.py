"""Runs in the Python for Windows, with the standard library alone: does there what a test asks for.

One request of JSON on each line of standard input, one answer on each line of standard output. To
start a process for each would take a second.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from ctypes import wintypes
from pathlib import Path
from typing import Any

kernel32: Any = getattr(ctypes, "WinDLL")("kernel32", use_last_error=True)  # noqa: B009
SNAPSHOT_OF_PROCESSES = 2
INVALID_HANDLE = wintypes.HANDLE(-1).value
GENERIC_READ, FILE_SHARE_READ, OPEN_EXISTING = 0x80000000, 1, 3
SYNCHRONIZE, WAIT_TIMEOUT, QUERY_INFORMATION = 0x100000, 258, 0x400
ANCIENT = 1_000_000_000.0
"""A moment of 2001."""


class ProcessEntry(ctypes.Structure):
    """PROCESSENTRY32W of tlhelp32.h."""

    _fields_ = [
        ("size", wintypes.DWORD),
        ("usage", wintypes.DWORD),
        ("pid", wintypes.DWORD),
        ("heap", ctypes.c_size_t),
        ("module", wintypes.DWORD),
        ("threads", wintypes.DWORD),
        ("parent", wintypes.DWORD),
        ("priority", wintypes.LONG),
        ("flags", wintypes.DWORD),
        ("file", wintypes.WCHAR * 260),
    ]


held: dict[str, Callable[[], object]] = {}
"""How each file that is held is let go."""
watched: list[Any] = []
"""Handles of processes, because the id of one that has ended is soon that of another."""


def _snapshot() -> Iterator[ProcessEntry]:
    """Yield the living processes, in one structure."""
    kernel32.CreateToolhelp32Snapshot.restype = wintypes.HANDLE
    snapshot = wintypes.HANDLE(kernel32.CreateToolhelp32Snapshot(SNAPSHOT_OF_PROCESSES, 0))
    entry = ProcessEntry(size=ctypes.sizeof(ProcessEntry))
    more = kernel32.Process32FirstW(snapshot, ctypes.byref(entry))
    while more:
        yield entry
        more = kernel32.Process32NextW(snapshot, ctypes.byref(entry))
    kernel32.CloseHandle(snapshot)


def processes() -> dict[int, int]:
    """Return the living processes and their parents."""
    return {entry.pid: entry.parent for entry in _snapshot()}


def orphans() -> list[int]:
    """Return the processes of Python that have outlived who has started them."""
    pythons = [entry.pid for entry in _snapshot() if entry.file.lower() == "python.exe"]
    parents = processes()
    return [pid for pid in pythons if pid in parents and parents[pid] not in parents]


def descendants(pid: int) -> list[int]:
    """Return a process and those that it and its children have started."""
    parents = processes()
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [child for child, parent in processes().items() if parent == pid]


def watch(pid: int) -> list[int]:
    """Watch a process and those that it has started; return a number for each."""
    kernel32.OpenProcess.restype = wintypes.HANDLE
    found = []
    for one in descendants(pid):
        handle = wintypes.HANDLE(kernel32.OpenProcess(SYNCHRONIZE, False, one))
        if handle.value is not None:  # else it has just ended
            watched.append(handle)
            found.append(len(watched) - 1)
    return found


def living(numbers: list[int]) -> list[int]:
    """Return those of the watched processes that have not ended."""
    wait = kernel32.WaitForSingleObject
    return [one for one in numbers if wait(watched[one], 0) == WAIT_TIMEOUT]


def is_in_job(pid: int) -> bool:
    """Whether a process is in a job object, which those that it starts are in, too."""
    kernel32.OpenProcess.restype = wintypes.HANDLE
    handle = wintypes.HANDLE(kernel32.OpenProcess(QUERY_INFORMATION, False, pid))
    found = wintypes.BOOL()
    if not kernel32.IsProcessInJob(handle, None, ctypes.byref(found)):
        raise OSError(f"process {pid} could not be asked")
    kernel32.CloseHandle(handle)
    return bool(found)


def kill(pid: int) -> None:
    """End a process as the Task Manager does."""
    os.kill(pid, signal.SIGTERM)


def hold(path: str) -> None:
    """Open a file as a virus scanner may: nobody can delete or replace it meanwhile."""
    # FILE_SHARE_READ and FILE_SHARE_WRITE, no more.
    held[path] = Path(path).open("rb").close  # noqa: SIM115


def hold_against_writers(path: str) -> None:
    """Open a file as a backup program may: others can only read it meanwhile."""
    kernel32.CreateFileW.restype = wintypes.HANDLE
    handle = wintypes.HANDLE(
        kernel32.CreateFileW(path, GENERIC_READ, FILE_SHARE_READ, None, OPEN_EXISTING, 0, None)
    )
    if handle.value == INVALID_HANDLE:
        raise OSError(f"{path} could not be opened")
    held[path] = lambda: kernel32.CloseHandle(handle)


def make_read_only(path: str) -> None:
    """Set the attribute."""
    Path(path).chmod(stat.S_IREAD)
    held[path] = lambda: Path(path).chmod(stat.S_IREAD | stat.S_IWRITE)


def let_go(path: str) -> None:
    """Close a file, or take its attribute away."""
    held.pop(path)()


def make_old(path: str) -> None:
    """Let a file be of another year."""
    os.utime(path, (ANCIENT, ANCIENT))


def exists(path: str) -> bool:
    """Whether there is such a file."""
    return Path(path).exists()


def sql(path: str, statement: str, parameters: list[Any]) -> list[list[Any]]:
    """Run a statement; return its rows."""
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as database:
        return [list(row) for row in database.execute(statement, parameters)]


CALLS: dict[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (
        *(children, exists, hold, hold_against_writers, is_in_job, kill, let_go, living),
        *(make_old, make_read_only, orphans, processes, sql, watch),
    )
}


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin.buffer:
        name, *arguments = json.loads(line)
        try:
            answer = {"value": CALLS[name](*arguments)}
        except Exception as error:  # noqa: BLE001  (the test raises it)
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
