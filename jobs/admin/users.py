"""The users that rows name: their names by one statement a page, and their own admin if any.

A user model need not be in the admin, and may be in another database than the rows: Django's own
columns, links and search of a foreign key need both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.core.users import name_of, names_of

from .html import NOTHING

_NAME: Final = "_user_name"


def with_user_names(rows: Iterable[Model], column: str) -> list[Model]:
    """Return the rows, each with the name of the user whose key is in a column."""
    found = list(rows)
    names = names_of(getattr(row, column) for row in found)
    for row in found:
        setattr(row, _NAME, names.get(getattr(row, column), ""))
    return found


def user_shown(row: Model, column: str) -> SafeString | str:
    """Return the name of the user whose key is in a column, as a link where the admin has users."""
    key = getattr(row, column)
    name = getattr(row, _NAME, None)
    name = name_of(key) if name is None else name
    if not name:
        return NOTHING
    meta = get_user_model()._meta
    try:
        page = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[key])
    except NoReverseMatch:
        return name
    return format_html('<a href="{}">{}</a>', page, name)


def can_search_users(site: admin.AdminSite) -> bool:
    """Whether a form of this site can offer users by a search for their names."""
    found: Any = site._registry.get(get_user_model())
    return found is not None and bool(found.search_fields)
