"""Sends wake-ups on a thread of its own, so that no request waits for a broker.

A wake-up that cannot be sent is tried once more, for a server that was busy or a connection that
was lost unnoticed, and then dropped: its job is in the table, and consumers poll that anyway.
"""

from __future__ import annotations

import atexit
import contextvars
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

from jobs.core.shortages import try_start

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
        # None asks to connect, an event to be set once everything before it is sent.
        self._waiting: SimpleQueue[WakeUp | threading.Event | None] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, queue: str, job_id: uuid.UUID) -> None:
        """Have a wake-up sent; returns at once. It is dropped when very many wait to be sent."""
        if self._waiting.qsize() < MOST_WAITING:
            self._put((queue, job_id))

    def warm_up(self) -> None:
        """Have an empty batch sent: it loads the client and connects. Returns at once."""
        self._put(None)

    def _put(self, item: WakeUp | None) -> None:
        self._waiting.put(item)
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._run, name="publisher", daemon=True)
            # In a context of its own: the first to send may be a task, which it outlives.
            if contextvars.Context().run(try_start, thread):
                self._thread = thread
                atexit.register(self.flush, EXIT_SECONDS)
            else:
                logger.warning("No thread could be started that sends messages: jobs start later.")

    def flush(self, seconds: float) -> bool:
        """Wait until everything is sent or given up, at most so long; whether it is."""
        if self._thread is None:
            return True
        done = threading.Event()
        self._waiting.put(done)
        return done.wait(seconds)

    def _run(self) -> None:
        while True:
            items = self._take()
            batch = [item for item in items if isinstance(item, tuple)]
            if (batch or None in items) and not self._try(batch):
                time.sleep(RETRY_SECONDS)
                self._try(batch)
            for item in items:
                if isinstance(item, threading.Event):
                    item.set()

    def _take(self) -> list[WakeUp | threading.Event | None]:
        """Wait for an item; return it with those that wait behind it."""
        items = [self._waiting.get()]
        with suppress(Empty):
            while len(items) < MOST_AT_ONCE:
                items.append(self._waiting.get_nowait())
        return items

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
