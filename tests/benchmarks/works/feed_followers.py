"""Followers of the results feed, which note how late they have each job that ends from now on."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from tests.waiting import wait_until

if TYPE_CHECKING:
    from jobs.feed import Cursor


class Follower(threading.Thread):
    """Follows until it is stopped; ``heard`` has milliseconds."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.heard: list[float] = []
        self.is_stopping = False
        self.since = time.time()
        self.place = _end()

    def run(self) -> None:
        """Note each job."""
        for text in self.jobs():
            now = time.time()
            ended = datetime.fromisoformat(json.loads(text)["finished_at"]).timestamp()
            self.heard += [1000 * (now - ended)] * (ended > self.since)

    def jobs(self) -> Iterator[str]:
        """Yield the JSON of each job that ends."""
        raise NotImplementedError

    def wait_for(self, count: int, seconds: float) -> None:
        """Wait until it has heard of so many."""
        wait_until(lambda: len(self.heard) >= count, timeout=seconds, what="the follower")

    def stop(self) -> None:
        """End it."""
        self.is_stopping = True
        self.join(30)


def _end() -> Cursor:
    """Return the place behind all that has ended."""
    from jobs.feed import Cursor, newest_position

    return Cursor(newest_position(), uuid.UUID(int=2**128 - 1), int(time.time()))


class PageFollower(Follower):
    """Reads pages in this process, as ``results --follow`` does."""

    def jobs(self) -> Iterator[str]:
        """Yield the JSON of each job that ends."""
        from django.db import connections

        from jobs.feed import Page, Selection, read_page, wait_for_page

        place = self.place

        def read() -> Page:
            nonlocal place
            page = read_page(place, Selection(everyone=True), 100, "/")
            place = page.next
            return page

        while not self.is_stopping:
            yield from (item.text for item in wait_for_page(read, 1.0).items)
        connections.close_all()


class EventFollower(Follower):
    """Listens to Server-Sent Events of a site."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        super().__init__()
        self._client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {**headers, "Accept": "text/event-stream"}

    def jobs(self) -> Iterator[str]:
        """Yield the JSON of each job that ends."""
        self._client.request("GET", f"/api/v1/results?after={self.place}", headers=self._headers)
        with self._client.getresponse() as response:
            for line in response:
                if line.startswith(b"data: "):
                    yield line.removeprefix(b"data: ").decode()

    def stop(self) -> None:
        """End it: the server would wait for a stream that is open."""
        if self._client.sock is not None:
            self._client.sock.shutdown(socket.SHUT_RDWR)
        super().stop()
        self._client.close()
