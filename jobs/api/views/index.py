"""``GET /api/v1``: where to go on from."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import URLPattern, get_resolver

from jobs.api import schemas
from jobs.api.endpoint import open_endpoint
from jobs.api.operations import Operation, Response
from jobs.api.responses import JsonResponse, api_url
from jobs.api.serializers import root


@Operation("getIndex", [Response(200, "Index", "Link")], tag="the API")
def get_index(request: HttpRequest) -> JsonResponse:
    """Find the addresses of the API.

    Every call also answers `OPTIONS`, with `Allow`; and `HEAD`, where it has `GET`.
    """
    patterns = get_resolver("jobs.api.urls").url_patterns
    names = [
        entry.name
        for entry in patterns
        if isinstance(entry, URLPattern) and entry.name and "<" not in str(entry.pattern)
    ]
    links = {name: api_url(name) for name in names}
    body: schemas.Index = {
        "name": "Jobdesk",
        "version": "1",
        "links": {"self": f"{root()}api/v1", **links},
    }
    # RFC 8631: where a program finds the description of the service.
    described = f'<{links["openapi"]}>; rel="service-desc", <{links["docs"]}>; rel="service-doc"'
    return JsonResponse(body, 200, {"Link": described})


INDEX = open_endpoint(get=get_index)
