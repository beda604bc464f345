"""The secret that signs sessions and links: from ``SECRET_KEY`` or from the data folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from . import env

FILE_NAME = "secret"


def read_secret(data_dir: Path) -> str:
    """Return the secret of the environment, else of the data folder, else an empty string."""
    given = env.text("SECRET_KEY")
    if given:
        return given
    try:
        return (data_dir / FILE_NAME).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def make_secret(data_dir: Path) -> str:
    """Write a new secret that only this user can read, unless there is one; return it.

    Raises:
        OSError: the folder can't be written.
    """
    path = data_dir / FILE_NAME
    try:
        # O_EXCL: of two processes that start at once, one writes and the other reads.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_secret(data_dir)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
    return read_secret(data_dir)


def require_secret() -> None:
    """Refuse to serve without a secret.

    Raises:
        ImproperlyConfigured: there is none; the message says what to do.
    """
    if not read_secret(settings.DATA_DIR):
        raise ImproperlyConfigured(
            "There is no secret to sign sessions with. Set SECRET_KEY to 50 random characters, "
            "or run `python manage.py up` once: it makes one in the data folder."
        )
