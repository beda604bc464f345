"""What the servers of a test's own have in common: a process that is started and hurt."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from tests.network import inside, within
from tests.waiting import wait_until


class OwnServer:
    """One process, on this machine or in a network namespace."""

    def __init__(
        self,
        command: Sequence[str],
        answers: Callable[[], bool],
        *,
        namespace: str = "",
        patience: float = 60.0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """``answers`` tells whether it is up, within ``patience`` seconds."""
        self._command = [*inside(namespace), *command]
        self._is_up = answers
        self._namespace = namespace
        self._patience = patience
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, env=self._environment
        )
        wait_until(self.answers, timeout=self._patience, interval=0.1, what=type(self).__name__)
        return self

    def answers(self) -> bool:
        """Whether it takes connections."""
        return within(self._namespace, self._is_up)

    def freeze(self) -> None:
        """Let it hang: connections stay open and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self.thaw()
            self._process.kill()
            self._process.wait(10)
            self._process = None
