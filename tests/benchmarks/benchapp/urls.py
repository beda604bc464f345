"""The site's URLs and an empty view behind the same middleware."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import path

from webapp.urls import urlpatterns as site


def empty(request: HttpRequest) -> JsonResponse:
    """Answer with an empty object."""
    return JsonResponse({})


urlpatterns = [path("empty", empty), *site]
