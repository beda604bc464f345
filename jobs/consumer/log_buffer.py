"""The text of an attempt's log on its way to the database."""

from __future__ import annotations

import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Final, NamedTuple

from django.utils import timezone

from jobs.core.jsonutils import clean

PACED_CHARACTERS: Final = 32 * 1024
"""Characters a second, on average, that are written once the beginning of the log is full. A task
that prints in an endless loop makes millions a second, and the database would get all of them."""
LONGEST_OPEN_LINE: Final = 8 * 1024
"""Characters of a line that are kept together; the start of a longer one is passed on before."""


def site_time(seconds: float) -> datetime:
    """Return a time of the system's clock in the site's time zone."""
    aware = datetime.fromtimestamp(seconds, UTC)  # also where USE_TZ is off
    return timezone.localtime(aware, timezone.get_default_timezone())


def heading(attempt: int, consumer: str) -> str:
    """Return what separates an attempt's log from that of the attempts before; "" for the first."""
    if attempt == 1:
        return ""
    return (
        f"\n--- attempt {attempt}, {site_time(time.time()):%Y-%m-%d %H:%M:%S %Z}, {consumer} ---\n"
    )


class LogText(NamedTuple):
    """New text of a log: ``text``, then ``skipped`` characters left out, then ``end``."""

    text: str = ""
    skipped: int = 0
    end: str = ""


class LogBuffer:
    """Collects log text; any thread may add to it. It is bounded, whatever is added.

    Each line gets the time of day. A line that is written over (``\\r``, as progress bars do) is
    kept as it was last. The first half of ``limit`` is passed on as it comes, so that a crash loses
    nothing of it; after that what was added last, at the pace of ``PACED_CHARACTERS``.

    Args:
        limit: characters that a job's log keeps: half of them its beginning, half its end.
        heading: a line that comes before the first text; nothing without a text.
    """

    def __init__(self, limit: int, heading: str = "") -> None:
        # Reentrant: a finalizer that warns of an open file prints in the middle of our code.
        self._lock = threading.RLock()
        self._heading = heading
        self._open = ""  # the line that has not ended
        self._written_over = False  # it had a carriage return
        self._begun = False  # its beginning was passed on
        self._head: list[str] = []
        self._head_room = limit - limit // 2
        self._tail: deque[str] = deque()
        self._tail_room = self._tail_size = max(1, limit // 2)
        self._skipped = 0
        self._next_tail = 0.0
        self._second, self._stamp = -1, ""

    def add(self, text: str) -> None:
        """Append text as a stream does: a line may come in pieces."""
        with self._lock:
            if text == "\n":  # ``print`` writes it by itself
                self._end_line("")
                return
            text = clean(text)
            if "\n" in text:
                *lines, text = text.split("\n")
                for line in lines:
                    self._end_line(line)
            if text:
                self._extend_line(text)

    def add_line(self, text: str) -> None:
        """Append whole lines. A line that has not ended is ended, or goes on if it is to be written
        over."""
        with self._lock:
            line, written_over = self._open, self._written_over
            if written_over:
                self._open, self._written_over = "", False
            if self._open or self._begun:
                self._end_line("")
            self.add(text + "\n")
            if written_over:
                self._open, self._written_over = line, True

    def has_text(self) -> bool:
        """Whether there is text that ``drain`` has not returned."""
        return bool(self._head or self._tail or self._open)

    def drain(self, now: float, *, final: bool) -> LogText:
        """Return what was added since the last call.

        Args:
            now: of the monotonic clock, in seconds.
            final: everything; otherwise the end of a log that is over its limit may have to wait.
        """
        with self._lock:
            if final or not self._written_over:
                self._pass_on_open_line()
            head, self._head = "".join(self._head), []
            if not self._tail or not (final or now >= self._next_tail):
                return LogText(head)
            tail, skipped = "".join(self._tail), self._skipped
            self._tail.clear()
            self._tail_room, self._skipped = self._tail_size, 0
            self._next_tail = now + len(tail) / PACED_CHARACTERS
        return LogText(head, skipped, tail) if skipped else LogText(head + tail)

    def _end_line(self, piece: str) -> None:
        self._pass_on(f"{self._open}{piece}\n")
        self._open, self._written_over, self._begun = "", False, False

    def _extend_line(self, piece: str) -> None:
        self._open += piece
        self._written_over = self._written_over or "\r" in piece
        if len(self._open) > LONGEST_OPEN_LINE and self._written_over:
            # A return at its end stays: the next text is written over this.
            self._open = _last_state(self._open) + "\r" * self._open.endswith("\r")
        if len(self._open) > LONGEST_OPEN_LINE:
            self._pass_on_open_line()

    def _pass_on_open_line(self) -> None:
        line, self._open, self._written_over = self._open, "", False
        if line.strip("\r"):
            self._pass_on(line)
            self._begun = True

    def _pass_on(self, line: str) -> None:
        """Put a line, or more of one, into the head or the tail."""
        if self._heading:
            heading, self._heading = self._heading, ""
            self._keep(heading)
        if "\r" in line:
            if self._begun and "\r" in line.rstrip("\r\n"):
                self._keep("\n")  # what was passed on cannot be written over any more
                self._begun = False
            line = _last_state(line)
        if not self._begun:
            second = int(time.time())
            if second != self._second:  # to format a time takes 3 us
                self._second, self._stamp = second, f"{site_time(second):%H:%M:%S} "
            line = self._stamp + line
        self._keep(line)

    def _keep(self, text: str) -> None:
        length = len(text)
        if length <= self._head_room:
            self._head_room -= length
            self._head.append(text)
            return
        self._head_room = 0
        if length > self._tail_size:
            self._skipped += length - self._tail_size
            text = text[length - self._tail_size :]
            length = self._tail_size
        self._tail.append(text)
        self._tail_room -= length
        while self._tail_room < 0:
            dropped = len(self._tail.popleft())
            self._skipped += dropped
            self._tail_room += dropped


def _last_state(line: str) -> str:
    """Return what a terminal shows of a line that was written over, with its end."""
    end = "\n" if line.endswith("\n") else ""
    return line.rstrip("\r\n").rpartition("\r")[2] + end
