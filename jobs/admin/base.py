"""The base of our admin pages: nothing is edited by hand, and no page counts a big table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin
from django.contrib.admin.options import ShowFacets
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from jobs.core.formatting import pluralize

from .users import with_user_names

M = TypeVar("M", bound=Model)
PAGES_AHEAD = 10
MAX_PAGE = 1_000_000

if TYPE_CHECKING:

    class AnyPaginator(Paginator[Any]):
        """A paginator of rows of any kind."""

    class TypedAdmin(admin.ModelAdmin[M]):
        """An admin that knows its model. Django's own class is generic for type checkers only."""

else:
    from typing import Generic

    AnyPaginator = Paginator

    class TypedAdmin(Generic[M], admin.ModelAdmin):
        """An admin that knows its model."""


class LookAheadPaginator(AnyPaginator):
    """Pages of a table too big to count: rows are counted some pages ahead and no further.

    ``count`` is exact when the end is among those pages; else ``more`` is true.
    """

    def __init__(self, rows: QuerySet[Any], per_page: int, page: int) -> None:
        super().__init__(rows, per_page)
        self.rows = rows
        self.page_number = min(max(page, 1), MAX_PAGE)

    @cached_property
    def count(self) -> int:
        """The number of rows up to the end, or up to the last page ahead."""
        start = (self.page_number - 1) * self.per_page
        stop = start + PAGES_AHEAD * self.per_page + 1
        return start + len(self.rows.values_list("pk")[start:stop])

    @property
    def more(self) -> bool:
        """Whether there are pages beyond those ahead."""
        return self.count > (self.page_number - 1 + PAGES_AHEAD) * self.per_page

    def shown_pages(self) -> Iterator[str | int]:
        """The page numbers to offer, with gaps."""
        return self.get_elided_page_range(self.page_number)

    def summary(self) -> str:
        """The number of rows as a text, as far as it is known."""
        meta = self.rows.model._meta
        plural = str(meta.verbose_name_plural)
        if self.more:
            return f"more than {self.count - 1:,} {plural}"
        return pluralize(self.count, str(meta.verbose_name), plural)


class BoundedList(ChangeList):
    """A list that does not say how many rows there are in all: that would count them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # Else the search bar would show a total.
        self.full_result_count = self.result_count
        column = getattr(self.model_admin, "user_column", "")
        if column:
            self.result_list = with_user_names(self.result_list, column)


class ReadOnlyAdmin(TypedAdmin[M]):
    """An admin that only shows. Rows are made and changed by Jobdesk, not by hand."""

    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # a facet counts the whole table for each choice
    list_per_page = 100
    user_column = ""
    """The column with the key of a user whose name the list shows."""
    change_list_template = "jobs/admin/change_list.html"

    class Media:
        css = {"all": ("jobs/admin.css",)}

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[M], per_page: int, *args: Any, **kwargs: Any
    ) -> LookAheadPaginator:
        page = request.GET.get(PAGE_VAR, "1")
        return LookAheadPaginator(queryset, per_page, int(page) if page.isdecimal() else 1)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        # Retention deletes, not people.
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether the user may run the actions of the list: that is Django's change permission."""
        return super().has_change_permission(request)
