"""Who changes a password is told that API tokens go on working.

A token is a credential of its own, as on GitHub: programs must not stop because a person has
chosen a new password. But who changes it because somebody else knows it has to think of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase

from jobs.core.formatting import pluralize
from jobs.models import Token

View = Callable[..., HttpResponseBase]


def tell_of_tokens(view: View) -> View:
    """Decorate a view of the admin that changes a password: after that, say how many tokens the
    user has."""

    @wraps(view)
    def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if request.method == "POST" and response.status_code == 302:
            user: Any = kwargs.get("id", request.user.pk)
            count = Token.objects.filter(user_id=user).count()
            if count:
                messages.warning(request, _sentence(count))
        return response

    return told


def _sentence(count: int) -> str:
    return (
        f"This user still has {pluralize(count, 'API token')}: a new password ends none. If "
        "somebody else may know the old one, revoke the tokens that you do not know."
    )
