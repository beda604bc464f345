"""The ``Idempotency-Key`` that an upload was sent with."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from .user_key import cascade


class UploadKey(models.Model):
    """A key of a user's, and the upload that it led to; it goes with the upload.

    ``fingerprint`` is the SHA-256 of the file, or of what a resumable upload was announced with.
    ``upload_id`` is that of an ``Upload`` or a ``ResumableUpload``. A table of its own: most
    uploads come without a key.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=cascade,
        related_name="+",
        db_index=False,  # the constraint has one
        db_constraint=False,
    )
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    upload_id = models.UUIDField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["owner", "key"], name="jobs_upload_key"),)

    def __str__(self) -> str:
        return f"{self.key} of {self.upload_id}"
