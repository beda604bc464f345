"""What a system says when it has no more processes, threads, open files, memory or disk to give."""

from __future__ import annotations

import errno
import threading
from typing import Final

_NO_MORE_PROCESSES: Final = (
    "no more processes or threads may be started here: raise `ulimit -u`, a container's pids limit "
    "or systemd's TasksMax, or lower --concurrency"
)
_TOO_LITTLE_MEMORY: Final = "there is too little memory: raise its limit or lower --concurrency"
_BY_ERRNO: Final = {
    errno.EMFILE: "too many files are open in this process: raise `ulimit -n` (LimitNOFILE)",
    errno.ENFILE: "too many files are open on this machine: raise fs.file-max",
    errno.EAGAIN: _NO_MORE_PROCESSES,
    errno.ENOMEM: _TOO_LITTLE_MEMORY,
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "the disk cannot be written: it is read-only",
    **({errno.EDQUOT: "the disk quota is used up"} if hasattr(errno, "EDQUOT") else {}),
}
# Windows: ERROR_NOT_ENOUGH_MEMORY, ERROR_OUTOFMEMORY, ERROR_NO_SYSTEM_RESOURCES,
# ERROR_COMMITMENT_LIMIT, ERROR_NOT_ENOUGH_QUOTA. Python maps most of them to EINVAL.
_BY_WINERROR: Final = dict.fromkeys((8, 14, 1450, 1455, 1816), _TOO_LITTLE_MEMORY)
_NO_THREAD: Final = "can't start new thread"
"""The only thing that tells this RuntimeError of CPython's from others."""


def shortage(error: BaseException) -> str:
    """Return what the system has too little of and what helps; "" when it is not about that."""
    if isinstance(error, OSError):
        by_winerror = _BY_WINERROR.get(getattr(error, "winerror", None) or 0)
        return by_winerror or _BY_ERRNO.get(error.errno or 0, "")
    if isinstance(error, MemoryError):
        return _TOO_LITTLE_MEMORY
    if isinstance(error, RuntimeError) and _NO_THREAD in str(error):
        return _NO_MORE_PROCESSES
    return ""


def try_start(thread: threading.Thread) -> bool:
    """Start a thread that is not needed at once; return False when the system gives none."""
    try:
        thread.start()
    except (RuntimeError, MemoryError) as error:
        if not shortage(error):
            raise
        return False
    return True
