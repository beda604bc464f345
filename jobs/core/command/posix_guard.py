"""The parent of a command on POSIX systems: ends the command and its descendants.

Run as a script, ``python -I -S posix_guard.py CONTROL PROGRAM ARGUMENT...``, so it imports nothing
of ours and starts in some 15 ms. CONTROL is the number of a socket to the process that wants the
command. When that socket ends, because it was shut down or because the process died (``kill -9``
too), the command's process group gets SIGTERM and, a moment later, everything that is left gets
SIGKILL. On Linux that includes descendants that made a session of their own: the guard is their
subreaper (prctl(2)), so they become its children.

It writes to CONTROL ``error ERRNO`` or ``started PID``, and then ``ended CODE``.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

GRACE_SECONDS = 1.5
"""Between SIGTERM and SIGKILL. Less than the time after which a task in a child process that does
not react to a cancel is killed, so that the task sees its command end."""
PR_SET_CHILD_SUBREAPER = 36
HAS_WAITID: bool = hasattr(os, "waitid")


def main(control: int, command: list[str]) -> None:
    """Run the command to its end."""
    os.set_inheritable(control, False)
    awake = _wake_up_pipe()
    _become_subreaper()
    try:
        # In a group of its own, so that the group can be killed and the guard stays.
        defaults = [getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ")]
        pid = os.posix_spawnp(command[0], command, os.environ, setpgroup=0, setsigdef=defaults)
    except OSError as error:
        os.write(control, b"error %d\n" % (error.errno or 0))
        return
    os.write(control, b"started %d\n" % pid)
    _let_go_of_standard_streams()
    _wait(pid, control, awake)
    code = _kill_all(pid)
    with contextlib.suppress(OSError):  # nobody may be left to know
        os.write(control, b"ended %d\n" % code)


def _wake_up_pipe() -> int:
    """Return a pipe that becomes readable when a child ends. Signals to us change nothing."""
    awake, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    # Handlers that do nothing, because the command would inherit SIG_IGN.
    for name in ("SIGCHLD", "SIGTERM", "SIGINT", "SIGHUP"):
        signal.signal(getattr(signal, name), lambda number, frame: None)
    return awake


def _become_subreaper() -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _let_go_of_standard_streams() -> None:
    """Only the command and its descendants hold the pipes: their ends mean something then."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)


def _wait(pid: int, control: int, awake: int) -> None:
    """Return when the command has ended, or when it was told to and took too long."""
    watched = [control, awake]
    kill_at: float | None = None
    while not _has_ended(pid):
        pause = None if kill_at is None else kill_at - time.monotonic()
        if pause is not None and pause <= 0:
            return
        ready = select.select(watched, [], [], pause)[0]
        if awake in ready:
            os.read(awake, 1024)
        if control in ready:
            watched = [awake]
            kill_at = time.monotonic() + GRACE_SECONDS
            _kill_group(pid, signal.SIGTERM)


def _has_ended(pid: int) -> bool:
    """Whether the command has ended; it is not reaped, so that its number stays its own. Reaps the
    descendants that became ours."""
    if not HAS_WAITID:  # macOS before Python 3.13, where nothing becomes ours
        return _is_zombie_or_gone(pid)
    look = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while True:
        ended = os.waitid(os.P_ALL, 0, look)
        if ended is None:
            return False
        if ended.si_pid == pid:
            return True
        os.waitpid(ended.si_pid, 0)


_codes: dict[int, int] = {}


def _is_zombie_or_gone(pid: int) -> bool:
    if pid not in _codes:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            _codes[pid] = status
    return pid in _codes


def _kill_group(pid: int, number: int) -> None:
    # macOS has EPERM for a group of zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _kill_all(pid: int) -> int:
    """End everything that is left; return the command's exit code."""
    _kill_group(pid, signal.SIGKILL)
    status = _codes[pid] if pid in _codes else os.waitpid(pid, 0)[1]
    # The children of what is killed become ours in turn.
    while children := _own_children():
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _own_children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:  # noqa: PTH123
            return [int(child) for child in file.read().split()]
    except OSError:  # not Linux, or a kernel without CONFIG_PROC_CHILDREN
        return []


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
