"""Messages that nobody could read, kept so that someone can see what sent them."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from jobs.models import QuarantinedMessage

from .base import ReadOnlyAdmin, TypedAdmin
from .html import block, when


@admin.register(QuarantinedMessage)
class QuarantineAdmin(ReadOnlyAdmin[QuarantinedMessage]):
    """Look, and delete what has been seen to."""

    list_display = ("reason", "queue", "broker", "received")
    sortable_by = ()
    fields = readonly_fields = ("reason", "queue", "broker", "received", "content")

    def has_delete_permission(
        self, request: HttpRequest, obj: QuarantinedMessage | None = None
    ) -> bool:
        """As Django's permissions say."""
        return TypedAdmin.has_delete_permission(self, request, obj)

    @admin.display(description="received")
    def received(self, message: QuarantinedMessage) -> SafeString | str:
        """When it came."""
        return when(message.received_at)

    @admin.display(description="content")
    def content(self, message: QuarantinedMessage) -> SafeString | str:
        """What it said."""
        return block(message.body)
