"""Webhooks of all users: who is told where, and what became of it."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from jobs.core.formatting import pluralize
from jobs.core.users import user_name
from jobs.models import Webhook
from jobs.webhooks.changing import delete_webhook

from .base import ReadOnlyAdmin, TypedAdmin
from .html import when
from .users import user_shown


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin[Webhook]):
    """Users make their own, on their page or by the API; secrets are shown to nobody here."""

    list_display = ("url", "owner_shown", "events_shown", "task", "state", "failing")
    user_column = "owner_id"
    ordering = ("-id",)
    sortable_by = ()
    actions = ("disable",)
    fields = readonly_fields = (
        *("id", "url", "owner_shown", "everyone", "events_shown", "task", "state", "failing"),
        "made",
    )

    def has_delete_permission(self, request: HttpRequest, obj: Webhook | None = None) -> bool:
        return TypedAdmin.has_delete_permission(self, request, obj)

    def delete_model(self, request: HttpRequest, obj: Webhook) -> None:
        delete_webhook(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        for webhook in queryset:
            delete_webhook(webhook)

    @admin.action(description="Disable the selected webhooks", permissions=["operate"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        """Have nothing more sent to them; their owners can enable them again."""
        found = list(queryset.filter(enabled=True))
        for webhook in found:
            webhook.disable(f"Disabled by {user_name(request.user)}.")
        messages.success(request, f"{pluralize(len(found), 'webhook')} disabled.")

    @admin.display(description="owner")
    def owner_shown(self, webhook: Webhook) -> SafeString | str:
        return user_shown(webhook, "owner_id")

    @admin.display(description="events")
    def events_shown(self, webhook: Webhook) -> str:
        whose = " (everyone's)" if webhook.everyone else ""
        return f"{', '.join(webhook.events)}{whose}"

    @admin.display(description="state")
    def state(self, webhook: Webhook) -> str:
        return "enabled" if webhook.enabled else f"disabled. {webhook.disabled_reason}".strip()

    @admin.display(description="failing since")
    def failing(self, webhook: Webhook) -> SafeString | str:
        return when(webhook.failing_since)

    @admin.display(description="made")
    def made(self, webhook: Webhook) -> SafeString | str:
        return when(webhook.created_at)
