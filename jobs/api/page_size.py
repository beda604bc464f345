"""The parameter ``limit`` of calls that give pages."""

from __future__ import annotations

from django.http import HttpRequest

from .exception_handlers import invalid


def page_size(request: HttpRequest, default: int, most: int) -> int:
    """Return how many items a page of this request has at most.

    Args:
        request: more than ``most`` is taken as that.
        default: where it does not say.
        most: the most that a page can have.

    Raises:
        ApiError: 422, it is no whole number from 1 on.
    """
    text = request.GET.get("limit", "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise invalid("/limit", f"Give a whole number from 1 to {most}.")
    return min(int(text[:9]), most)
