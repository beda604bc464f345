"""Files that were handed in."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from jobs.core.formatting import filesize
from jobs.models import Upload, UploadUse

from .base import ReadOnlyAdmin
from .html import when


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin[Upload]):
    """Read-only: an upload goes when no job refers to it any more."""

    list_display = ("name", "size_shown", "owner", "handed_in", "in_use")
    list_select_related = ("owner",)
    ordering = ("-id",)
    sortable_by = ()
    fields = readonly_fields = ("id", "name", "size_shown", "owner", "handed_in", "in_use")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Upload]:
        """With whether a job refers to it."""
        uses = UploadUse.objects.filter(upload=OuterRef("pk"))
        return super().get_queryset(request).annotate(used=Exists(uses))

    @admin.display(description="size")
    def size_shown(self, upload: Upload) -> str:
        """Its size in words."""
        return filesize(upload.size)

    @admin.display(description="handed in")
    def handed_in(self, upload: Upload) -> SafeString | str:
        """When it came."""
        return when(upload.created_at)

    @admin.display(description="in use", boolean=True)
    def in_use(self, upload: Upload) -> bool:
        """Whether a job refers to it."""
        return bool(upload.used)  # type: ignore[attr-defined]
