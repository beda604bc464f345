"""What Jobdesk asks of a project's user model: no more than Django's ``AbstractBaseUser`` has.

A model may lack ``username``, ``is_staff`` and permissions, its key may be of any type, and a
router may keep it in another database than the jobs, where no statement can join the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import router

from .db import connection

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser


def is_staff(user: Any) -> bool:
    """Whether a user may see and change everybody's jobs; nobody may where there is no staff."""
    return bool(getattr(user, "is_staff", False))


def is_active(user: AbstractBaseUser | AnonymousUser | None) -> bool:
    """Whether a user may sign in; None and who has not signed in may not."""
    return user is not None and bool(getattr(user, "is_active", True))


def user_name(user: Any) -> str:
    """Return the name that a user signs in by, which need not be a text."""
    return str(user.get_username())


def email_address(user: Any) -> str:
    """Return a user's e-mail address, "" for none, and where users have none."""
    field = getattr(user, "get_email_field_name", None)
    return "" if field is None else str(getattr(user, field(), "") or "")


def find_user(name: str) -> Any:
    """Return the user who signs in by this name; None if there is none."""
    users: Any = get_user_model()
    manager = users._default_manager
    try:
        if hasattr(manager, "get_by_natural_key"):
            # The project's own way, in which capital letters may not count.
            return manager.get_by_natural_key(name)
        return manager.get(**{users.USERNAME_FIELD: name})
    except (users.DoesNotExist, ValueError, ValidationError):  # a number or a date, and no such
        return None


def user_with_key(key: Any) -> Any:
    """Return the user with this key; None if there is none."""
    users: Any = get_user_model()
    return users._base_manager.using(users_alias()).filter(pk=key).first()


def users_are_elsewhere() -> bool:
    """Whether a router keeps users in another database than jobs: no JOIN reaches them."""
    # Without a router they are not; each request with a token asks.
    return bool(router.routers) and users_alias() != connection().alias


def users_alias() -> str:
    """Return the alias of the database that users are read from."""
    return str(router.db_for_read(get_user_model()))


def names_of(keys: Iterable[Any]) -> dict[Any, str]:
    """Return the users' names by key, in one statement; a user who was deleted is missing."""
    wanted = {key for key in keys if key is not None}
    if not wanted:
        return {}
    users: Any = get_user_model()
    rows = users._base_manager.using(users_alias()).filter(pk__in=wanted)
    return {key: str(name) for key, name in rows.values_list("pk", users.USERNAME_FIELD)}


def name_of(key: Any) -> str:
    """Return the name of the user with this key; "" for None and for one who was deleted."""
    return names_of([key]).get(key, "")


def to_key(value: Any) -> Any:
    """Return a user's key as Python has it, for a value that the driver returned."""
    return get_user_model()._meta.pk.to_python(value)
