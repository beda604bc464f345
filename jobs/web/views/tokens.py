"""One's own tokens: a list, a form, and the buttons beside each."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from jobs.core.rendering import render
from jobs.errors import Conflict
from jobs.models import Token
from jobs.submission import operational_errors_as_unavailable
from jobs.web.access import SignedIn, message_page, signed_in
from jobs.web.token_form import TokenForm

from .submit import SeeOther


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: SignedIn) -> HttpResponse:
    """Show this user's tokens, or make one: its text is on the page that answers, once."""
    if request.method != "POST":
        return _page(request, TokenForm(request.user))
    form = TokenForm(request.user, request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        with operational_errors_as_unavailable():
            made = Token.objects.issue(request.user, form.cleaned_data["name"], form.grant)
    except Conflict as error:
        form.add_error(None, str(error))
        return _page(request, form, status=409)
    return _page(request, TokenForm(request.user), made)


@signed_in
@require_POST
def rotate(request: SignedIn, token_id: int) -> HttpResponse:
    """Replace a token; the text of the new one is on the page that answers, once."""
    token = _own(request, token_id)
    if token is None:
        return _gone(request)
    try:
        with operational_errors_as_unavailable():
            made = Token.objects.rotate(token)
    except Conflict as error:
        return message_page(request, 409, "Not possible now", str(error))
    return _page(request, TokenForm(request.user), made, replaced=token)


@signed_in
@require_POST
def revoke(request: SignedIn, token_id: int) -> HttpResponse:
    """Revoke a token; back to the list."""
    token = _own(request, token_id)
    if token is None:
        return _gone(request)
    name = str(token)
    with operational_errors_as_unavailable():
        token.delete()
    messages.success(request, f"{name} is revoked.", fail_silently=True)
    return SeeOther(reverse("jobs:tokens"))


def _own(request: SignedIn, token_id: int) -> Token | None:
    return Token.objects.filter(pk=token_id, user_id=request.user.pk).first()


def _gone(request: SignedIn) -> HttpResponse:
    return message_page(
        request, 404, "There is no such token", "It has been revoked, or it is somebody else's."
    )


def _page(
    request: SignedIn,
    form: TokenForm,
    made: tuple[Token, str] | None = None,
    status: int = 200,
    replaced: Token | None = None,
) -> HttpResponse:
    new, text = made or (None, "")
    context = {
        "form": form,
        "new": new,
        "text": text,
        "replaced": replaced,
        "tokens": list(Token.objects.filter(user_id=request.user.pk)),
        "section": "tokens",
    }
    response = render(request, "jobs/tokens.html", context, status=status)
    if made is not None:
        # Neither a cookie nor a cache has it: not even the browser's, for its Back button.
        response.headers["Cache-Control"] = "no-store"
    return response
