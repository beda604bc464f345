"""Uploads and artifacts: the rows. The bytes are in the storage (``jobs.core.storage``)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone

from jobs.core.credentials import token_limits
from jobs.core.rights import VIEW_UPLOADS, has_right
from jobs.core.uuid7 import uuid7

from .job import Job
from .user_key import set_null


class UploadQuerySet(models.QuerySet["Upload"]):
    """Queries for uploads."""

    def usable_by(self, user: Any) -> UploadQuerySet:
        """Return those that a user's jobs may refer to: their own, or everybody's to who has the
        right to see them. A token that is limited to some jobs reaches no file of another job."""
        found = self if has_right(user, VIEW_UPLOADS) else self.filter(owner_id=user.pk)
        limits = token_limits(user)
        if limits is None:
            return found
        uses = UploadUse.objects.filter(upload=OuterRef("pk"))
        within = uses
        if limits.tasks is not None:
            within = within.filter(job__task__in=limits.tasks)
        if limits.queues is not None:
            within = within.filter(job__queue__in=limits.queues)
        return found.filter(~Exists(uses) | Exists(within))


class Upload(models.Model):
    """A file that was uploaded for jobs, stored once; jobs refer to it.

    ``size`` is in bytes, ``file`` the name in the storage, ``name`` the one given by the user.
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
    size = models.PositiveBigIntegerField()
    file = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = UploadQuerySet.as_manager()

    class Meta:
        indexes = (models.Index(fields=["owner", "id"], name="jobs_upload_owner"),)

    def __str__(self) -> str:
        return self.name


class UploadUse(models.Model):
    """A reference of a job to an upload; the file is kept while one exists."""

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="uses")
    job = models.ForeignKey(Job, models.CASCADE, related_name="upload_uses")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["upload", "job"], name="jobs_upload_use"),)

    def __str__(self) -> str:
        return f"{self.upload_id} in {self.job_id}"


class Artifact(models.Model):
    """A file that a job produced. A later file of the same name replaces it."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="artifacts", db_index=False)
    attempt = models.PositiveIntegerField()
    name = models.CharField(max_length=150)
    size = models.PositiveBigIntegerField()
    content_type = models.CharField(max_length=100, default="application/octet-stream")
    file = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=["job", "name"], name="jobs_artifact_name"),)

    def __str__(self) -> str:
        return self.name
