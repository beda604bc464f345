"""Storing the files that tasks keep with their job, and finding them again."""

from __future__ import annotations

import asyncio
import os
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from django.core.files.base import ContentFile, File

from jobs.catalog.reporter import ArtifactData, SavedArtifact
from jobs.core.db import connection
from jobs.core.download import type_of
from jobs.core.jsonutils import clean
from jobs.core.storage import save_file
from jobs.lifecycle import StoredArtifact
from jobs.models import Artifact

T = TypeVar("T")


def store_artifact(job: uuid.UUID, attempt: int, name: str, data: ArtifactData) -> StoredArtifact:
    """Put a file into the storage under a path that we choose; ``name`` is for people to read.

    Raises:
        TypeError: the data is neither bytes, text, a path nor an open file.
        OSError: it cannot be read or stored.
    """
    target = f"artifacts/{job.hex[:6]}/{job.hex}/{attempt}-{uuid.uuid4().hex}"
    if isinstance(data, os.PathLike):
        with Path(data).open("rb") as source:
            size, stored = _store(target, File(source))
    elif callable(getattr(data, "read", None)):
        size, stored = _store_stream(target, cast("IO[Any]", data))
    else:
        size, stored = _store(target, ContentFile(_as_bytes(data)))
    return StoredArtifact(job, attempt, clean(name), size, type_of(name), stored)


def _store(target: str, content: File[bytes]) -> tuple[int, str]:
    return content.size, save_file(target, content)


def _store_stream(target: str, stream: IO[Any]) -> tuple[int, str]:
    """Store an open file from where it is. Text, and what has no size, is read into memory."""
    if hasattr(stream, "fileno") and "b" in str(getattr(stream, "mode", "")):
        content: File[bytes] = File(stream)
        return _store(target, content)
    return _store(target, ContentFile(_as_bytes(stream.read())))


def _as_bytes(data: Any) -> bytes:
    if isinstance(data, str):
        return clean(data).encode()
    try:
        return bytes(memoryview(data))
    except TypeError as error:
        raise TypeError(
            "An artifact is made of bytes, a text, a path or an open file,"
            f" not {type(data).__name__}."
        ) from error


def as_saved(stored: StoredArtifact) -> SavedArtifact:
    """Return a stored file as its task sees it."""
    return SavedArtifact(stored.name, stored.size, stored.attempt, stored.file)


def saved_artifacts(
    job: uuid.UUID, unwritten: Mapping[str, SavedArtifact]
) -> dict[str, SavedArtifact]:
    """Return the files of a job by name.

    Args:
        job: its id.
        unwritten: those that this attempt has stored, whose rows may not be written yet.
    """
    rows = outside_of_event_loops(
        lambda: list(
            Artifact.objects.filter(job_id=job).values_list("name", "size", "attempt", "file")
        )
    )
    return {row[0]: SavedArtifact(*row) for row in rows} | dict(unwritten)


def outside_of_event_loops(query: Callable[[], T]) -> T:
    """Run a short query. Django refuses one in a thread with an event loop, which it would hold up:
    there it runs in another thread, and holds it up for as long as it takes."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return query()
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(query())
        except BaseException as error:  # noqa: BLE001  (raised again below)
            errors.append(error)
        finally:
            connection().close()

    thread = threading.Thread(target=run, name="query")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
