"""JSON responses, and the paths in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpResponse
from django.urls import reverse

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"


class JsonResponse(HttpResponse):
    """JSON in ASCII: any text survives, also one that no encoding can represent."""

    def __init__(
        self,
        data: Any,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        content_type: str = JSON,
    ) -> None:
        text = json.dumps(data, separators=(",", ":"), allow_nan=False)
        super().__init__(text.encode("ascii"), status=status, content_type=content_type)
        for name, value in (headers or {}).items():
            self.headers[name] = value


def api_url(name: str, /, **parts: Any) -> str:
    """Return the path of one of the API's addresses, below where the API is mounted."""
    return reverse(f"jobs_api:{name}", kwargs=parts or None)
