"""Sends permits on a thread of its own, so that no request waits for a broker.

A single permit is on its way before that thread has woken up: who hands in the job begins to send
it, as far as that waits for nothing, and the thread looks after the rest.

A permit that cannot be sent is tried once more, for a server that was busy or a connection that had
died unseen, and then dropped: its job is in the table, and consumers look there anyway.
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
MOST_WAITING: Final = 10_000
AT_ONCE: Final = 500
AWAY_SECONDS: Final = 1.0
EXIT_SECONDS: Final = 1.0


class Publisher:
    """The thread and what it has to send.

    Args:
        name: the broker's, for people.
        send: send a lot, within a time limit; may raise anything.
        begin: send a lot without waiting for anything; False where that cannot be done now.
        end: do the rest of what was begun, as ``send``.
    """

    def __init__(
        self,
        name: str,
        send: Callable[[Sequence[WakeUp]], None],
        begin: Callable[[Sequence[WakeUp]], bool],
        end: Callable[[Sequence[WakeUp]], None],
    ) -> None:
        self._name = name
        self._send = send
        self._begin = begin
        self._end = end
        self._away = False
        self._begin_anew()
        if hasattr(os, "register_at_fork"):  # a prefork server: threads stay with the parent
            os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[WakeUp] = deque(maxlen=MOST_WAITING)
        self._begun: list[WakeUp] = []
        self._asked = False
        self._sending = False
        self._thread: threading.Thread | None = None

    def put(self, queue: str, job_id: uuid.UUID) -> None:
        """Have a permit sent; returns at once."""
        one = (queue, job_id)
        with self._changed:
            if self._is_busy or self._away or not self._begins([one]):
                self._waiting.append(one)
            else:
                self._begun = [one]
            self._wake()

    def warm_up(self) -> None:
        """Have nothing sent: a client that is loaded and connected for that is so for what comes
        next. Returns at once."""
        with self._changed:
            self._asked = True
            self._wake()

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)
            self._thread.start()
            atexit.register(self.flush, EXIT_SECONDS)
        self._changed.notify_all()

    def flush(self, seconds: float) -> bool:
        """Wait until everything is sent, at most so long; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._is_busy, timeout=seconds)

    @property
    def _is_busy(self) -> bool:
        return bool(self._waiting or self._begun or self._sending or self._asked)

    def _begins(self, lot: Sequence[WakeUp]) -> bool:
        try:
            return self._begin(lot)
        except Exception:  # noqa: BLE001  (a hand-in must not fail of it; the thread tries again)
            return False

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_busy)
                self._sending, self._asked = True, False
                begun, self._begun = self._begun, []
                some = range(0 if begun else min(AT_ONCE, len(self._waiting)))
                lot = begun or [self._waiting.popleft() for _ in some]
            works = self._try(lot, self._end if begun else self._send) or self._try_later(lot)
            with self._changed:
                self._sending = False
                self._changed.notify_all()
            if not works:
                time.sleep(AWAY_SECONDS)

    def _try_later(self, lot: Sequence[WakeUp]) -> bool:
        time.sleep(AWAY_SECONDS)
        return self._try(lot, self._send)

    def _try(self, lot: Sequence[WakeUp], send: Callable[[Sequence[WakeUp]], None]) -> bool:
        try:
            send(lot)
        except Exception as error:  # noqa: BLE001  (a client raises many kinds; none may end it)
            if not self._away:
                logger.warning("%s takes no permits (%s): jobs start later.", self._name, error)
            self._away = True
            return False
        if self._away:
            logger.warning("%s takes permits again.", self._name)
        self._away = False
        return True
