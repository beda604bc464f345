"""A project with Sentry, OpenTelemetry and Django's default logging; events and spans go to files
when they are flushed."""

import json
from collections.abc import Sequence
from typing import Any

import sentry_sdk
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from tests.settings import *  # noqa: F403

SPANS = JOBS["DATA_DIR"] / "spans.jsonl"  # type: ignore[operator]  # noqa: F405
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


class FileExporter(SpanExporter):
    """Writes each span as a line of JSON."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with SPANS.open("a", encoding="utf-8") as file:
            file.writelines(span.to_json(indent=None) + "\n" for span in spans)
        return SpanExportResult.SUCCESS


_provider = TracerProvider()
# Nothing is exported by time: spans that nobody flushes are lost.
_provider.add_span_processor(BatchSpanProcessor(FileExporter(), schedule_delay_millis=3_600_000))
trace.set_tracer_provider(_provider)

# Django's own: its logger for tasks is enabled, and mails to ADMINS.
LOGGING = {}
