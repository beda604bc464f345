"""Messages that were no jobs, kept so that one can find out what sent them."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from jobs.models import QuarantinedMessage

from .base import ReadOnlyAdmin, TypedAdmin
from .html import block, when


@admin.register(QuarantinedMessage)
class QuarantineAdmin(ReadOnlyAdmin[QuarantinedMessage]):
    """Read-only, except that messages may be deleted."""

    list_display = ("reason", "queue", "broker", "received")
    sortable_by = ()
    fields = readonly_fields = ("reason", "queue", "broker", "received", "content")

    def has_delete_permission(
        self, request: HttpRequest, obj: QuarantinedMessage | None = None
    ) -> bool:
        return TypedAdmin.has_delete_permission(self, request, obj)

    @admin.display(description="received")
    def received(self, message: QuarantinedMessage) -> SafeString | str:
        return when(message.received_at)

    @admin.display(description="content")
    def content(self, message: QuarantinedMessage) -> SafeString | str:
        return block(message.body)
