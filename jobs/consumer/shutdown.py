"""How ``runconsumers`` and ``up`` are told to stop, on every system.

A signal (SIGTERM, SIGINT, Ctrl-Break) or a line on the parent's pipe means drain; the end of the
pipe means that the parent is gone: leave now, so that no child outlives its parent.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

from jobs.core.signal_flag import SignalFlag

EXIT_NOW = 1


class Shutdown:
    """Set once someone asks for a drain; a second signal ends the process at once.

    Args:
        embedded: the process goes on afterwards: a second signal raises ``KeyboardInterrupt``.
        before_exit: called before the process is left at once.
    """

    def __init__(
        self, *, embedded: bool = False, before_exit: Callable[[], object] | None = None
    ) -> None:
        self._before_exit = before_exit
        self._requested = SignalFlag()
        self._embedded = embedded
        self._before: dict[int, Any] = {}

    def install(self, *, parent_pipe: bool = False, hangup: bool = False) -> None:
        """Handle the signals that this system has. Call it from the main thread.

        Args:
            parent_pipe: standard input is a parent's pipe.
            hangup: handle SIGHUP too, which a closed terminal sends. Without it ``nohup`` works.
        """
        for name in ("SIGTERM", "SIGINT", "SIGBREAK", *(["SIGHUP"] if hangup else [])):
            number = getattr(signal, name, None)
            if number is not None:
                self._before[number] = signal.signal(number, self._on_signal)
        if parent_pipe:
            arguments = (take_standard_input(),)
            threading.Thread(
                target=self._read_pipe, args=arguments, name="parent", daemon=True
            ).start()

    def uninstall(self) -> None:
        """Put back the handlers that were there before ``install``."""
        for number, handler in self._before.items():
            if handler is not None:  # None: not Python's, which cannot be put back
                signal.signal(number, handler)
        self._before.clear()

    def request(self) -> None:
        """Ask for a drain. A signal handler may call it."""
        self._requested.set()

    def wait(self, seconds: float) -> bool:
        """Wait; return whether a drain was asked for.

        The main thread must wait in short steps: Windows delivers Ctrl-C between them.
        """
        return self._requested.wait(seconds)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._requested.is_set():
            if self._embedded:
                raise KeyboardInterrupt
            self._exit_now()  # our ends of the children's pipes close, so they leave too
        self.request()

    def _read_pipe(self, pipe: int) -> None:
        # Not through a file object: a thread that waits inside its buffer makes the interpreter
        # abort when the process ends by itself.
        while os.read(pipe, 1024):
            self.request()
        self._exit_now()

    def _exit_now(self) -> NoReturn:
        try:
            if self._before_exit is not None:
                self._before_exit()
        finally:
            os._exit(EXIT_NOW)


def take_standard_input() -> int:
    """Return a copy of the descriptor of standard input, and leave an empty one in its place.

    What reads standard input, in a task or in a program that it starts, must not wait for the
    parent's messages, nor take them. No program that a task starts inherits the copy.
    """
    taken = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return taken
