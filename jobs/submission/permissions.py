"""Which tasks a user may submit jobs of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.catalog.registry import AnyTask
from jobs.catalog.task import STAFF
from jobs.core.users import is_active, is_staff
from jobs.errors import NotAllowed

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


def may_use(task: AnyTask, user: AbstractBaseUser | AnonymousUser | None) -> bool:
    """Return whether this user may submit, or run again, jobs of this task."""
    if task.permission is None:
        return True
    if not is_active(user):
        return False
    if task.permission == STAFF:
        return is_staff(user)
    has_permission = getattr(user, "has_perm", None)
    return has_permission is not None and bool(has_permission(task.permission))


def require_permission(task: AnyTask, user: AbstractBaseUser | AnonymousUser | None) -> None:
    """Check that the user may.

    Raises:
        NotAllowed: they may not.
    """
    if not may_use(task, user):
        raise NotAllowed(f"You may not hand in {task.title!r}: it needs {task.permission!r}.")
