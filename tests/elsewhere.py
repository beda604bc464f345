"""What other systems lack, taken away from Linux."""

from __future__ import annotations

from typing import NoReturn

from jobs.brokers.wakeup import listener


def no_inotify() -> None:
    """Let consumers of this process hear of commits as they do on Windows and macOS."""
    setattr(listener, "InotifyListener", missing)  # noqa: B010  (a type would not do)


def missing(*_: object) -> NoReturn:
    """Take the place of inotify."""
    raise OSError("as elsewhere")
