"""Storing the files that tasks keep with their job."""

from __future__ import annotations

import mimetypes
import uuid
from pathlib import Path

from django.core.files.base import ContentFile, File

from jobs.core.jsonutils import clean
from jobs.core.storage import save_file
from jobs.lifecycle import StoredArtifact


def store_artifact(
    job: uuid.UUID, attempt: int, name: str, data: bytes | str | Path
) -> StoredArtifact:
    """Put a file into the storage under a path that we choose; ``name`` is for people to read."""
    target = f"artifacts/{job.hex[:6]}/{job.hex}/{attempt}-{uuid.uuid4().hex}"
    content: File[bytes]
    if isinstance(data, Path):
        with data.open("rb") as source:
            content = File(source)
            size, stored = content.size, save_file(target, content)
    else:
        raw = clean(data).encode() if isinstance(data, str) else bytes(data)
        size, stored = len(raw), save_file(target, ContentFile(raw))
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return StoredArtifact(job, attempt, clean(name), size, guessed[:100], stored)
