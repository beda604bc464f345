"""Files that were uploaded for jobs."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from jobs.core.formatting import filesize
from jobs.models import Upload, UploadUse

from .base import ReadOnlyAdmin
from .html import when
from .users import user_shown


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin[Upload]):
    """Read-only: an upload is deleted when no job refers to it any more."""

    list_display = ("name", "size_shown", "owner_shown", "submitted", "in_use")
    user_column = "owner_id"
    ordering = ("-id",)
    sortable_by = ()
    fields = readonly_fields = ("id", "name", "size_shown", "owner_shown", "submitted", "in_use")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Upload]:
        uses = UploadUse.objects.filter(upload=OuterRef("pk"))
        return super().get_queryset(request).annotate(used=Exists(uses))

    @admin.display(description="size")
    def size_shown(self, upload: Upload) -> str:
        return filesize(upload.size)

    @admin.display(description="owner")
    def owner_shown(self, upload: Upload) -> SafeString | str:
        return user_shown(upload, "owner_id")

    @admin.display(description="handed in")
    def submitted(self, upload: Upload) -> SafeString | str:
        return when(upload.created_at)

    @admin.display(description="in use", boolean=True)
    def in_use(self, upload: Upload) -> bool:
        return bool(upload.used)  # type: ignore[attr-defined]
