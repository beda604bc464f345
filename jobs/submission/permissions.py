"""Which tasks a user may submit jobs of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.catalog.registry import AnyTask
from jobs.catalog.task import STAFF
from jobs.core.credentials import token_limits
from jobs.core.rights import CHANGE_JOBS, has_right
from jobs.core.users import is_active, is_staff
from jobs.errors import NotAllowed

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


def may_use(task: AnyTask, user: AbstractBaseUser | AnonymousUser | None) -> bool:
    """Return whether this user may submit, or run again, jobs of this task."""
    limits = token_limits(user)
    if limits is not None and not limits.allows_task(task.name):
        return False
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
    limits = token_limits(user)
    if limits is not None and not limits.allows_task(task.name):
        raise NotAllowed(f"This token is limited to other tasks than {task.name!r}.")
    if not may_use(task, user):
        raise NotAllowed(f"You may not hand in {task.title!r}: it needs {task.permission!r}.")


def require_within_token(user: AbstractBaseUser | None, task: str, queue: str) -> None:
    """Check that the token of a user, if there is one, may concern a job.

    Raises:
        NotAllowed: it is limited to others.
    """
    limits = token_limits(user)
    if limits is not None and not limits.allows(task, queue):
        what = f"queues than {queue!r}" if limits.allows_task(task) else f"tasks than {task!r}"
        raise NotAllowed(f"This token is limited to other {what}.")


def may_change(user: AbstractBaseUser | AnonymousUser, owner_id: Any) -> bool:
    """Return whether a user may cancel a job of this owner, or run it again."""
    return (owner_id is not None and owner_id == user.pk) or has_right(user, CHANGE_JOBS)


def require_change(user: AbstractBaseUser | AnonymousUser, owner_id: Any) -> None:
    """Check that a user who sees a job may change it.

    Raises:
        NotAllowed: it is somebody else's, and they may only look at it.
    """
    if not may_change(user, owner_id):
        raise NotAllowed(f"This job is somebody else's: to change it takes {CHANGE_JOBS!r}.")
