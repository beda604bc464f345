"""How a consumer process is told to stop, on every system.

A signal (SIGTERM, SIGINT, Ctrl-Break) or a line on the parent's pipe means drain; the end of the
pipe means that the parent is gone: leave now, so that no child outlives its parent.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

EXIT_NOW = 1


class Shutdown:
    """Set once someone asks for a drain; a second signal leaves at once."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def install(self, *, parent_pipe: bool) -> None:
        """Listen to signals (main thread only) and, if there is one, to the parent's pipe."""
        for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number is not None:
                signal.signal(number, self._on_signal)
        if parent_pipe:
            threading.Thread(target=self._listen, name="parent", daemon=True).start()

    def ask(self) -> None:
        """Ask for a drain."""
        self._asked.set()

    def is_asked(self) -> bool:
        """Whether a drain was asked for."""
        return self._asked.is_set()

    def wait(self, timeout: float) -> bool:
        """Wait for it; whether it came."""
        return self._asked.wait(timeout)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._asked.is_set():
            os._exit(EXIT_NOW)
        self._asked.set()

    def _listen(self) -> None:
        # Not through sys.stdin: a thread that waits inside its buffer makes the interpreter abort
        # when the process ends by itself.
        while os.read(0, 1024):
            self._asked.set()
        os._exit(EXIT_NOW)
