"""API tokens: issued here and shown once; deleting one revokes it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from jobs.models import Token

from .base import ReadOnlyAdmin, TypedAdmin
from .html import when


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin[Token]):
    """Users who are not superusers manage only their own tokens.

    A token acts for its user: issuing one for somebody else would mean acting as them.
    """

    list_display = ("token", "user", "created", "last_used")
    list_select_related = ("user",)
    sortable_by = ()
    autocomplete_fields = ("user",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Token]:
        tokens = super().get_queryset(request)
        if request.user.is_superuser:
            return tokens
        return tokens.filter(user=request.user.pk)

    def get_fields(self, request: HttpRequest, obj: Token | None = None) -> tuple[str, ...]:
        if obj is not None:
            return ("name", "user", "created", "last_used")
        return ("user", "name") if request.user.is_superuser else ("name",)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Token | None = None
    ) -> tuple[str, ...]:
        return self.get_fields(request, obj) if obj is not None else ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return TypedAdmin.has_add_permission(self, request)

    def has_delete_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        return TypedAdmin.has_delete_permission(self, request, obj)

    def save_model(
        self, request: HttpRequest, obj: Token, form: forms.ModelForm[Token], change: bool
    ) -> None:
        """Issue the token; its text is shown now and never again."""
        user: Any = obj.user if request.user.is_superuser else request.user
        issued, text = Token.objects.issue(user, obj.name)
        obj.pk, obj.user = issued.pk, issued.user
        messages.warning(request, f"Copy this token now, it is not shown again: {text}")

    @admin.display(description="token")
    def token(self, token: Token) -> str:
        """Its name; its text is not stored."""
        return str(token)

    @admin.display(description="issued")
    def created(self, token: Token) -> SafeString | str:
        return when(token.created_at)

    @admin.display(description="last used")
    def last_used(self, token: Token) -> SafeString | str:
        return when(token.last_used_at)
