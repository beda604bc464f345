"""Keys of the project's users, which a router may keep in another database than jobs.

There is no constraint in the database then, nor does Django follow a deletion from one database to
another. So the columns have no constraint anywhere (an insert does not look the user up either),
and what a user's deletion leads to is here: ``set_null`` and ``cascade`` where both are in one
database, ``follow_deletions`` where they are not.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models, router, transaction
from django.db.models.signals import post_delete

from jobs.core.users import users_are_elsewhere


def set_null(collector: Any, field: Any, rows: Any, using: str) -> None:
    """``SET_NULL`` for rows in the database of the user who is deleted."""
    if router.db_for_write(field.model) == using:
        models.SET_NULL(collector, field, rows, using)


def cascade(collector: Any, field: Any, rows: Any, using: str) -> None:
    """``CASCADE`` for rows in the database of the user who is deleted."""
    if router.db_for_write(field.model) == using:
        models.CASCADE(collector, field, rows, using)


# Django's collector must not ask for the rows before: their table may not be in this database.
set_null.lazy_sub_objs = True  # type: ignore[attr-defined]
cascade.lazy_sub_objs = True  # type: ignore[attr-defined]


def follow_deletions() -> None:
    """Connect what becomes of a user's rows in another database, if users are in another.

    Only then: a receiver makes Django read each user that a query deletes.
    """
    if not users_are_elsewhere():
        return
    users = get_user_model()
    for model in apps.get_models():
        if issubclass(model, users):  # a signal names the proxy that was deleted
            post_delete.connect(_forget_user, sender=model)


def _forget_user(instance: Any, using: str, **_: Any) -> None:
    # If this process dies in between, rows name a user who is gone: shown as "nobody".
    transaction.on_commit(partial(_forget_key, instance.pk), using=using)


def _forget_key(key: Any) -> None:
    apps.get_model("jobs", "Token").objects.filter(user_id=key).delete()
    apps.get_model("jobs", "Webhook").objects.filter(owner_id=key).delete()
    apps.get_model("jobs", "UploadKey").objects.filter(owner_id=key).delete()
    for name in ("Upload", "ResumableUpload", "Job"):
        apps.get_model("jobs", name).objects.filter(owner_id=key).update(owner=None)
