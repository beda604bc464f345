"""A project with Sentry and Django's default logging; events go to a file when they are flushed."""

import json
from typing import Any

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from tests.settings import *  # noqa: F403

EVENTS = JOBS["DATA_DIR"] / "events.jsonl"  # type: ignore[operator]  # noqa: F405


class FileTransport(Transport):
    """Keeps events until it is flushed: one that nobody flushes is lost, as with a slow server."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._events: list[Any] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        event = envelope.get_event()
        if event is not None:
            self._events.append(event)

    def flush(self, timeout: float, callback: Any = None) -> None:
        events, self._events = self._events, []
        with EVENTS.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(event, default=str) + "\n" for event in events)

    def kill(self) -> None: ...


sentry_sdk.init(dsn="https://key@sentry.invalid/1", transport=FileTransport)

# Django's own: its logger for tasks is enabled, and mails to ADMINS.
LOGGING = {}
