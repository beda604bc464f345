"""The lines that consumers and ``manage.py up`` log: date, level, logger, message, request id."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from .request_ids import request_id_of


class LineFormatter(logging.Formatter):
    """Begins each line with the time as ISO 8601 has it, with the offset from UTC."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return one line for a failed attempt: its traceback is with the job, for who looks.

        Likewise for a request that Django refuses as suspicious: its traceback is always the same.
        """
        is_refusal = record.name.startswith("django.security")
        if record.exc_info and (is_refusal or hasattr(record, "job_id")):
            record = logging.makeLogRecord({**vars(record), "exc_info": None, "exc_text": None})
        text = super().format(record)
        left_out = getattr(record, "left_out", 0)
        return f"{text} ({left_out:,} others before it were left out)" if left_out else text

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the line, with the id of the request at its end: a traceback comes after it."""
        text = super().formatMessage(record)
        request_id = request_id_of(record)
        return f"{text} [{request_id}]" if request_id else text

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """Return "2026-11-28T02:15:46.123+00:00", in the process's time zone."""
        local = datetime.fromtimestamp(record.created, UTC).astimezone()
        return local.isoformat(timespec="milliseconds")
