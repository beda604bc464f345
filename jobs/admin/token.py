"""API tokens: issued here and shown once; deleting one revokes it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from jobs.core.rights import ADD_TOKENS, CHANGE_TOKENS, DELETE_TOKENS, note_use
from jobs.core.users import users_are_elsewhere
from jobs.errors import Conflict
from jobs.models import Token

from .base import ReadOnlyAdmin, TypedAdmin
from .html import when
from .token_form import TokenForm
from .users import can_search_users, user_shown

_SHOWN = ("name", "user_shown", "scopes_shown", "tasks_shown", "queues_shown")
_TIMES = ("created", "last_used", "expires", "replaced")


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin[Token]):
    """Users who are not superusers manage only their own tokens.

    A token acts for its user: issuing one for somebody else would mean acting as them. Its text is
    in the response to the form itself: Django's messages would put it into a cookie.
    """

    form = TokenForm
    list_display = ("token", "user_shown", "scopes_shown", "created", "last_used", "expires")
    user_column = "user_id"
    sortable_by = ()
    # The key of a user, typed, where the admin cannot search users; a list of all of them would
    # be too long.
    raw_id_fields = ("user",)
    actions = ("rotate",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Token]:
        tokens = super().get_queryset(request)
        if _is_superuser(request.user):
            return tokens
        return tokens.filter(user=request.user.pk)

    def get_fields(self, request: HttpRequest, obj: Token | None = None) -> tuple[str, ...]:
        if obj is not None:
            return (*_SHOWN, *_TIMES)
        asked = ("name", "scopes", "tasks", "queues", "lifetime")
        return ("user", *asked) if self._may_choose(request) else asked

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
        """Issue the token."""
        user: Any = obj.user if self._may_choose(request) else request.user
        issued, text = Token.objects.issue(user, obj.name, form.cleaned_data["grant"])
        obj.pk, obj.user_id = issued.pk, issued.user_id
        request.issued_tokens = [(issued, text)]  # type: ignore[attr-defined]
        self._note(request, ADD_TOKENS, "add", issued)

    def response_add(
        self, request: HttpRequest, obj: Token, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the text of the token, this once."""
        return self._show(request, request.issued_tokens)  # type: ignore[attr-defined]

    @admin.action(description="Replace the selected tokens by new ones", permissions=["operate"])
    def rotate(self, request: HttpRequest, queryset: QuerySet[Token]) -> HttpResponse | None:
        """Make new tokens that can do the same; the old ones are valid for another day."""
        made = []
        for token in queryset:
            try:
                made.append(Token.objects.rotate(token))
            except Conflict as error:
                messages.warning(request, f"{token}: {error}")
                continue
            self.log_change(request, token, f"Replaced by token {made[-1][0].pk}")
            self._note(request, CHANGE_TOKENS, "rotate", token)
        return self._show(request, made) if made else None

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Token]) -> Any:
        """Record it in the log of staff rights as well."""
        for token in queryset:
            self._note(request, DELETE_TOKENS, "revoke", token)
        return super().log_deletions(request, queryset)

    def _note(self, request: HttpRequest, right: str, did: str, token: Token) -> None:
        if token.user_id != request.user.pk:
            note_use(request.user, right, did, f"token={token.pk}", token.user_id)

    def _show(self, request: HttpRequest, made: list[tuple[Token, str]]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Copy this token now" if len(made) == 1 else "Copy these tokens now",
            "opts": self.opts,
            "made": made,
        }
        response = TemplateResponse(request, "jobs/admin/new_tokens.html", context)
        response.headers["Cache-Control"] = "no-store"
        return response

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

    @admin.display(description="scopes")
    def scopes_shown(self, token: Token) -> str:
        return _names(token.scopes)

    @admin.display(description="tasks")
    def tasks_shown(self, token: Token) -> str:
        return _names(token.tasks)

    @admin.display(description="queues")
    def queues_shown(self, token: Token) -> str:
        return _names(token.queues)

    @admin.display(description="issued")
    def created(self, token: Token) -> SafeString | str:
        return when(token.created_at)

    @admin.display(description="last used")
    def last_used(self, token: Token) -> SafeString | str:
        return when(token.last_used_at)

    @admin.display(description="expires")
    def expires(self, token: Token) -> SafeString | str:
        return when(token.expires_at)

    @admin.display(description="replaced")
    def replaced(self, token: Token) -> SafeString | str:
        return when(token.replaced_at)


def _names(text: str) -> str:
    return ", ".join(text.split(",")) if text else "all"


def _is_superuser(user: Any) -> bool:
    return bool(getattr(user, "is_superuser", False))
