"""Users by name, for commands."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from jobs.core.users import find_user, is_active


def user_named(name: str) -> Any:
    """Return the active user of this name.

    Raises:
        CommandError: there is none, or they may not sign in.
    """
    user = find_user(name)
    if user is None:
        raise CommandError(f"There is no user named {name!r}.", returncode=2)
    if not is_active(user):
        raise CommandError(f"The user {name!r} is not active.", returncode=2)
    return user
