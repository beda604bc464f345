"""Sends wake-ups on a thread of its own, so that no request waits for a broker.

A wake-up that cannot be sent is tried once more, for a server that was busy or a connection that
was lost unnoticed, and then dropped: its job is in the table, and consumers poll that anyway.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

logger = logging.getLogger("jobs")

WakeUp = tuple[str, uuid.UUID]
"""A queue, and a job that waits in it."""
MOST_WAITING: Final = 10_000
MOST_AT_ONCE: Final = 500
RETRY_SECONDS: Final = 1.0
EXIT_SECONDS: Final = 1.0


class Publisher:
    """The thread and what it has to send.

    Args:
        name: the broker's, for people.
        send: send a batch, within a time limit; an empty one only connects. May raise anything.
    """

    def __init__(self, name: str, send: Callable[[Sequence[WakeUp]], None]) -> None:
        self._name = name
        self._send = send
        self._away = False
        self._reset()
        if hasattr(os, "register_at_fork"):  # a prefork server: threads stay with the parent
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[WakeUp] = deque(maxlen=MOST_WAITING)
        self._must_connect = False
        self._sending = False
        self._thread: threading.Thread | None = None

    def put(self, queue: str, job_id: uuid.UUID) -> None:
        """Have a wake-up sent; returns at once."""
        with self._changed:
            self._waiting.append((queue, job_id))
            self._wake()

    def warm_up(self) -> None:
        """Have an empty batch sent: it loads the client and connects. Returns at once."""
        with self._changed:
            self._must_connect = True
            self._wake()

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
            self._thread.start()
            atexit.register(self.flush, EXIT_SECONDS)
        self._changed.notify_all()

    def flush(self, seconds: float) -> bool:
        """Wait until everything is sent, at most so long; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._is_busy, timeout=seconds)

    @property
    def _is_busy(self) -> bool:
        return bool(self._waiting or self._sending or self._must_connect)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_busy)
                self._sending, self._must_connect = True, False
                size = min(MOST_AT_ONCE, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(size)]
            works = self._try(batch) or self._try_again(batch)
            with self._changed:
                self._sending = False
                self._changed.notify_all()
            if not works:
                time.sleep(RETRY_SECONDS)

    def _try_again(self, batch: Sequence[WakeUp]) -> bool:
        time.sleep(RETRY_SECONDS)
        return self._try(batch)

    def _try(self, batch: Sequence[WakeUp]) -> bool:
        try:
            self._send(batch)
        except Exception as error:  # noqa: BLE001  (a client raises many kinds; none may end it)
            if not self._away:
                logger.warning("%s accepts no messages (%s): jobs start later.", self._name, error)
            self._away = True
            return False
        if self._away:
            logger.warning("%s accepts messages again.", self._name)
        self._away = False
        return True
