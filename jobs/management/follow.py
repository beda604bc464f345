"""Following the results feed until Ctrl-C, also through an outage of the database."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.core.management.base import OutputWrapper

from jobs.core.database_faults import Fault, fault_of
from jobs.core.db import DATABASE_ERRORS, connection
from jobs.core.rare_line import RareLine
from jobs.core.signal_flag import SignalFlag
from jobs.core.times import local
from jobs.errors import Unavailable
from jobs.feed import Cursor, HeldBack, Page, oldest_transaction, wait_for_page

from .database_command import describe

OUTAGE_PAUSE: Final = 1.0
_STOPS: Final = ("SIGINT", "SIGTERM", "SIGBREAK")


class Follower:
    """Reads page after page and waits in between.

    Args:
        read: returns the page behind a cursor.
        write: prints a page.
        remarks: where to say that nothing comes, and why.
    """

    def __init__(
        self,
        read: Callable[[Cursor | None], Page],
        write: Callable[[Page], None],
        remarks: OutputWrapper,
    ) -> None:
        self._read = read
        self._write = write
        self._remarks = remarks
        self._stop = SignalFlag()
        self._rare = RareLine()

    def follow(self, after: Cursor | None) -> None:
        """Go on until the process is told to end; a line that has begun is written to its end."""
        place = after

        def read() -> Page:
            nonlocal place
            page = self._read(place)
            place = page.next
            self._tell(page.held_back)
            return page

        with self._told_to_end():
            while not self._stop.is_set():
                try:
                    self._write(wait_for_page(read, 1.0, self._stop.wait))
                except DATABASE_ERRORS as error:
                    if fault_of(error) not in {Fault.AWAY, Fault.NO_WRITES}:
                        raise
                    self._outage(describe(error) or str(error))
                except Unavailable as error:
                    self._outage(error.why)

    def _outage(self, text: str) -> None:
        if self._rare.due("outage") is not None:
            self._remarks.write(f"{text} It is tried again.")
        connection().close()
        self._stop.wait(OUTAGE_PAUSE)

    def _tell(self, held: HeldBack | None) -> None:
        if held is not None and self._rare.due("held back") is not None:
            since = local(held.since).isoformat(sep=" ", timespec="seconds")
            who = oldest_transaction(connection())
            text = f"What has ended since {since} comes when an open transaction ends: {who}."
            self._remarks.write(text)

    @contextmanager
    def _told_to_end(self) -> Iterator[None]:
        """Within it, the first Ctrl-C and the like ends the loop, a second one the process."""
        before: dict[int, Any] = {}

        def stop(number: int, frame: object) -> None:
            self._stop.set()
            restore()

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        if threading.current_thread() is threading.main_thread():
            numbers = (getattr(signal, name, None) for name in _STOPS)
            before = {one: signal.signal(one, stop) for one in numbers if one is not None}
        try:
            yield
        finally:
            restore()
