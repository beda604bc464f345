"""``JOBS_STORAGE_URL`` to Django's ``STORAGES["jobs"]``: a folder on a share, or S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_HINT: Final = "Write file:///path/to/folder or s3://key:secret@bucket/folder?endpoint=https://host&region=name."
_MEMORY: Final = 1024**2
"""Bytes of a downloaded file that are kept in memory; the rest is on the disk."""
_S3_QUERY: Final = frozenset({"endpoint", "region"})


def from_url(url: str, *, base: Path) -> dict[str, Any]:
    """Return the storage that ``url`` names; relative folders start at ``base``.

    Raises:
        ImproperlyConfigured: the URL cannot be used. Its secret is never repeated.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ImproperlyConfigured(f"JOBS_STORAGE_URL is not a URL: {error}. {_HINT}") from None
    if parts.scheme == "file":
        return _folder(parts, base)
    if parts.scheme == "s3":
        return _s3(parts)
    raise ImproperlyConfigured(
        f"JOBS_STORAGE_URL starts with {parts.scheme or url[:12]!r}, which is not served. {_HINT}"
    )


def _folder(parts: SplitResult, base: Path) -> dict[str, Any]:
    # As with sqlite: file:///relative and file:////absolute (or file:///C:/absolute).
    path = unquote(parts.path).removeprefix("/")
    if parts.netloc or not path:
        raise ImproperlyConfigured(f"JOBS_STORAGE_URL names no folder. {_HINT}")
    return {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": base / path, "base_url": None},
    }


def _s3(parts: SplitResult) -> dict[str, Any]:
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if not parts.hostname or set(query) - _S3_QUERY:
        raise ImproperlyConfigured(f"JOBS_STORAGE_URL does not name a bucket alone. {_HINT}")
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": parts.hostname,
            "location": unquote(parts.path).strip("/"),
            # Without them boto3 looks into the environment, its files and the machine's role.
            "access_key": unquote(parts.username) if parts.username else None,
            "secret_key": unquote(parts.password) if parts.password else None,
            "endpoint_url": query.get("endpoint"),
            "region_name": query.get("region"),
            "client_config": _client_config("endpoint" in query),
            "file_overwrite": True,  # each name is new: it need not be asked for first
            "max_memory_size": _MEMORY,
        },
    }


def _client_config(has_own_endpoint: bool) -> Any:
    try:
        from botocore.config import Config
        from storages.backends import s3  # noqa: F401
    except ImportError as error:
        raise ImproperlyConfigured(
            f"JOBS_STORAGE_URL names S3, and {error.name} is not installed: "
            'pip install "jobdesk[s3]".'
        ) from error
    # boto3 waits for a minute and tries five times, for each file.
    config = Config(
        connect_timeout=5,
        read_timeout=20,
        retries={"total_max_attempts": 2},
        signature_version="s3v4",
    )
    if not has_own_endpoint:
        return config
    # Servers other than Amazon's: a host for each bucket, or newer checksums, is not a given.
    return config.merge(
        Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required")
    )
