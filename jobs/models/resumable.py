"""Uploads that come in pieces: what is stored of them until they are complete."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from jobs.core.uuid7 import uuid7

from .user_key import set_null


class ResumableUpload(models.Model):
    """An upload that was announced with its length, and comes in pieces.

    ``length`` and ``stored`` are in bytes: all of it, and what is stored without a gap. When it is
    complete there is an ``Upload`` of the same id; this row is kept until it expires, for a client
    that did not hear of it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=set_null,
        related_name="+",
        db_constraint=False,
    )
    name = models.CharField(max_length=255)
    metadata = models.TextField(blank=True)
    """``Upload-Metadata`` as the client has sent it."""
    length = models.PositiveBigIntegerField()
    stored = models.PositiveBigIntegerField(default=0)
    is_complete = models.BooleanField(default=False)
    joining_until = models.DateTimeField(null=True)
    """A request joins the pieces; after this time it counts as dead."""
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name


class UploadPiece(models.Model):
    """A stored piece of an upload: where it begins, its bytes, its name in the storage."""

    upload = models.ForeignKey(
        ResumableUpload,
        models.CASCADE,
        related_name="pieces",
        db_index=False,  # the constraint has one
        db_constraint=False,
    )
    offset = models.PositiveBigIntegerField()
    size = models.PositiveBigIntegerField()
    file = models.CharField(max_length=300)

    class Meta:
        ordering = ("offset",)
        constraints = (
            models.UniqueConstraint(fields=["upload", "offset"], name="jobs_upload_piece"),
        )

    def __str__(self) -> str:
        return f"{self.size} bytes from {self.offset} of {self.upload_id}"
