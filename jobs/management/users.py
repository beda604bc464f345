"""Users by name, for commands."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError


def user_named(name: str) -> Any:
    """Return the active user of this name.

    Raises:
        CommandError: there is none, or they may not sign in.
    """
    model = get_user_model()
    user = model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()
    if user is None:
        raise CommandError(f"There is no user named {name!r}.", returncode=2)
    if not user.is_active:
        raise CommandError(f"The user {name!r} is not active.", returncode=2)
    return user
