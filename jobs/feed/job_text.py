"""The JSON of a job, made of the columns of its row: the same as the API's, much faster.

A page of the feed has a thousand jobs. By the ORM, ``job_fields`` and ``json.dumps`` most of
PLACEHOLDER ms; here the database's JSON goes through as text. A test compares the two.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from json import dumps, loads
from json.encoder import encode_basestring_ascii as _quoted  # of json itself, in C
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.core.db import as_time
from jobs.models import Job
from jobs.queries.job_fields import progress_fields, utc_text


class JobRow(NamedTuple):
    """The columns of a job in the feed, as the driver returns them; JSON is text."""

    position: int
    id: Any
    task: str
    queue: str
    priority: int
    status: str
    kwargs: str
    result: str | None
    error_type: str
    error_message: str
    progress_done: float | None
    progress_total: float | None
    progress_message: str
    progress_stage: str | None
    warnings: str | None
    attempt: int
    failures: int
    max_attempts: int
    created_at: Any
    run_after: Any
    started_at: Any
    finished_at: Any
    cancel_requested: Any
    owner_id: Any

    @property
    def weight(self) -> int:
        """About how many characters its JSON has."""
        return 700 + len(self.kwargs) + len(self.result or "") + len(self.error_message)


_JSON: Final = {"kwargs", "result", "progress_stage", "warnings"}
_PROGRESS: Final = ("status", "progress_done", "progress_total", "progress_message")


def row_columns(db: BaseDatabaseWrapper) -> str:
    """Return the columns of a ``JobRow`` in SQL."""
    return _row_columns(db.vendor)


@lru_cache(maxsize=2)
def _row_columns(vendor: str) -> str:
    names = ["feed_position", *JobRow._fields[1:]]
    as_text = vendor == "postgresql"
    return ", ".join(
        f"CAST({name} AS text)" if as_text and name in _JSON else name for name in names
    )


def job_text(row: JobRow, artifacts: Iterable[tuple[str, int]], mount: str | None) -> str:
    """Return a job's JSON on one line.

    Args:
        row: its columns.
        artifacts: the name and the size in bytes of each of its files.
        mount: the path below which the API is mounted; None leaves the addresses out.
    """
    key = _uuid_text(row.id)
    error = "null"
    if row.error_type:
        error = f'{{"type":{_quoted(row.error_type)},"message":{_quoted(row.error_message)}}}'
    return (
        f'{{"id":"{key}","task":{_name(row.task)},"queue":{_name(row.queue)},'
        f'"priority":{row.priority},"status":"{row.status}","args":{row.kwargs},'
        f'"result":{"null" if row.result is None else row.result},"error":{error},'
        f'"progress":{"null" if row.progress_done is None else _progress(row)},'
        f'"warnings":{row.warnings or "[]"},"attempt":{row.attempt},"failures":{row.failures},'
        f'"max_attempts":{row.max_attempts},"created_at":{_time(row.created_at)},'
        f'"run_after":{_time(row.run_after)},"started_at":{_time(row.started_at)},'
        f'"finished_at":{_time(row.finished_at)},'
        f'"cancel_requested":{"true" if row.cancel_requested else "false"}'
        f"{'' if mount is None else _links(key, mount)}"
        f',"artifacts":{_artifacts(artifacts, key, mount) if artifacts else "[]"}}}'
    )


def _uuid_text(key: uuid.UUID | str) -> str:
    if isinstance(key, uuid.UUID):
        return str(key)
    return f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}"


@lru_cache(maxsize=1024)
def _name(text: str) -> str:
    return _quoted(text)


def _time(value: datetime | str | None) -> str:
    moment = as_time(value)
    return "null" if moment is None else f'"{utc_text(moment)}"'


def _progress(row: JobRow) -> str:
    values = [getattr(row, name) for name in _PROGRESS]
    job = Job.from_db(
        None, (*_PROGRESS, "progress_stage"), [*values, loads(row.progress_stage or "null")]
    )
    return dumps(progress_fields(job))


def _links(key: str, mount: str) -> str:
    address = f"{mount}api/v1/jobs/{key}"
    return (
        f',"links":{{"self":"{address}","html":"{mount}jobs/{key}/","log":"{address}/log",'
        f'"cancel":"{address}/cancel","retry":"{address}/retry"}}'
    )


def _artifacts(artifacts: Iterable[tuple[str, int]], key: str, mount: str | None) -> str:
    if mount is None:
        return dumps([{"name": name, "size": size} for name, size in artifacts])
    address = f"{mount}api/v1/jobs/{key}/artifacts"
    return dumps(
        [
            {"name": name, "size": size, "url": f"{address}/{quote(name, safe='')}"}
            for name, size in artifacts
        ]
    )
