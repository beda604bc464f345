"""API tokens: issued here and shown once; deleting one revokes it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from jobs.core.users import users_are_elsewhere
from jobs.models import Token

from .base import ReadOnlyAdmin, TypedAdmin
from .html import when
from .users import can_search_users, user_shown


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin[Token]):
    """Users who are not superusers manage only their own tokens.

    A token acts for its user: issuing one for somebody else would mean acting as them.
    """

    list_display = ("token", "user_shown", "created", "last_used")
    user_column = "user_id"
    sortable_by = ()
    # The key of a user, typed, where the admin cannot search users; a list of all of them would
    # be too long.
    raw_id_fields = ("user",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Token]:
        tokens = super().get_queryset(request)
        if _is_superuser(request.user):
            return tokens
        return tokens.filter(user=request.user.pk)

    def get_fields(self, request: HttpRequest, obj: Token | None = None) -> tuple[str, ...]:
        if obj is not None:
            return ("name", "user_shown", "created", "last_used")
        return ("user", "name") if self._may_choose(request) else ("name",)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Token | None = None
    ) -> tuple[str, ...]:
        return self.get_fields(request, obj) if obj is not None else ()

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        # Not as an attribute: its check refuses a project whose users are not in the admin.
        return ("user",) if can_search_users(self.admin_site) else ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return TypedAdmin.has_add_permission(self, request)

    def has_delete_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        return TypedAdmin.has_delete_permission(self, request, obj)

    def save_model(
        self, request: HttpRequest, obj: Token, form: forms.ModelForm[Token], change: bool
    ) -> None:
        """Issue the token; its text is shown now and never again."""
        user: Any = obj.user if self._may_choose(request) else request.user
        issued, text = Token.objects.issue(user, obj.name)
        obj.pk, obj.user_id = issued.pk, issued.user_id
        messages.warning(request, f"Copy this token now, it is not shown again: {text}")

    def _may_choose(self, request: HttpRequest) -> bool:
        """Whether the form asks whose token it is; Django's cannot for users of another database,
        whose tokens ``manage.py createtoken`` issues."""
        return _is_superuser(request.user) and not users_are_elsewhere()

    @admin.display(description="user")
    def user_shown(self, token: Token) -> SafeString | str:
        return user_shown(token, "user_id")

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


def _is_superuser(user: Any) -> bool:
    return bool(getattr(user, "is_superuser", False))
