"""The processes of a system: started, measured, killed. Linux only (``/proc``)."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")

Started = subprocess.Popen[bytes]


def start(
    command: Sequence[str], log: Path, environment: Mapping[str, str], cwd: Path = ROOT
) -> Started:
    """Start a process in a session of its own; its output goes to ``log``."""
    with log.open("ab") as out:
        return subprocess.Popen(
            list(command),
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@dataclass(frozen=True, slots=True)
class _Stat:
    parent: int
    session: int
    cpu: float


def _stat(pid: int) -> _Stat | None:
    try:
        raw = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return None
    fields = raw[raw.rindex(")") + 2 :].split()
    if fields[0] == "Z":
        return None
    cpu = (int(fields[11]) + int(fields[12])) / _TICKS
    return _Stat(int(fields[1]), int(fields[3]), cpu)


def tree(roots: Iterable[Started]) -> set[int]:
    """Return the ids of these processes, of their sessions and of all their descendants."""
    wanted = {process.pid for process in roots}
    numbers = (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
    table = {pid: stat for pid in numbers if (stat := _stat(pid))}
    found = {pid for pid, stat in table.items() if pid in wanted or stat.session in wanted}
    while more := {pid for pid, stat in table.items() if stat.parent in found} - found:
        found |= more
    return found


def kill(roots: Sequence[Started]) -> None:
    """End them all at once, as a power cut would."""
    for _ in range(5):
        pids = tree(roots)
        if not pids:
            return
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in roots:
            with suppress(subprocess.TimeoutExpired):
                process.wait(2)
        time.sleep(0.05)


def cpu_seconds(roots: Iterable[Started]) -> float:
    """Return the CPU time that they have used so far."""
    return sum(stat.cpu for pid in tree(roots) if (stat := _stat(pid)))


@dataclass(frozen=True, slots=True)
class Memory:
    """Of all processes together, in MB. PSS counts a shared page once."""

    processes: int
    rss: float
    pss: float


def memory(roots: Iterable[Started]) -> Memory:
    """Return the memory that they hold now."""
    totals = {"Rss:": 0, "Pss:": 0}
    pids = tree(roots)
    for pid in pids:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines():
                name, _, rest = line.partition(" ")
                if name in totals:
                    totals[name] += int(rest.split()[0])
    return Memory(len(pids), round(totals["Rss:"] / 1024, 1), round(totals["Pss:"] / 1024, 1))


def children_cpu_seconds(parent: int) -> float:
    """Return the CPU time of a server and of its child processes, also of those that have ended."""
    fields = Path(f"/proc/{parent}/stat").read_text("utf-8").rpartition(")")[2].split()
    ended = sum(int(number) for number in fields[11:15]) / _TICKS
    numbers = (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
    living = (stat for pid in numbers if (stat := _stat(pid)) and stat.parent == parent)
    return ended + sum(stat.cpu for stat in living)
