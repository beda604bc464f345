"""A client of the JSON API that checks each response against the OpenAPI document."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from jobs.api.openapi import document
from jobs.models import Token

JOBS = "/api/v1/jobs"
DOCUMENTED_HEADERS = {
    "Accept-Encoding",
    "Accept-Post",
    "Accept-Ranges",
    "Allow",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Version",
    "Upload-Expires",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
    "WWW-Authenticate",
    "X-Next-Offset",
}


class Api:
    """Sends requests with a user's token, and checks that the document describes the responses."""

    def __init__(self, user: User | None, **extra: Any) -> None:
        self.user = user
        headers = {}
        if user is not None:
            _, self.token = Token.objects.issue(user)
            # In use already, so that no request writes that down.
            Token.objects.filter(user=user).update(last_used_at="2999-01-01T00:00:00Z")
            headers["Authorization"] = f"Bearer {self.token}"
        # A server with threads lets some requests wait; Django's client says that it has one.
        threads = {"wsgi.multithread": True, "jobs.threads": 8}
        self.client = Client(headers=headers, **{**threads, **extra})

    def get(self, path: str, **more: Any) -> Any:
        """Send a GET."""
        return self._checked("get", path, self.client.get(path, **more))

    def post(self, path: str, data: Any = None, **more: Any) -> Any:
        """Send a POST; data that is no bytes goes as JSON."""
        body = data if isinstance(data, bytes) else json.dumps({} if data is None else data)
        more.setdefault("content_type", "application/json")
        return self._checked("post", path, self.client.post(path, body, **more))

    def send(self, method: str, path: str, data: bytes = b"", **more: Any) -> Any:
        """Send bytes with any method."""
        response = self.client.generic(method.upper(), path, data, **more)
        return self._checked(method.lower(), path, response)

    def submit(self, task: str, /, *, headers: dict[str, str] | None = None, **body: Any) -> Any:
        """Submit a job."""
        return self.post(JOBS, {"task": task, **body}, headers=headers)

    def _checked(self, method: str, path: str, response: Any) -> Any:
        assert_documented(method, path.partition("?")[0], response)
        return response


def assert_documented(method: str, path: str, response: Any) -> None:
    """Check a response's status, headers and body against the document."""
    spec = _document()
    operation = _operation(spec, method, path)
    if operation is None:
        assert response.status_code in {404, 405}
        return
    assert str(response.status_code) in operation["responses"], (method, path, response.content)
    documented = operation["responses"][str(response.status_code)]
    unknown = (DOCUMENTED_HEADERS & set(response.headers)) - set(documented.get("headers", {}))
    assert not unknown, (method, path, response.status_code, unknown)
    content = documented.get("content")
    if content is None or method == "head":
        assert not response.content
        return
    media_type = response.headers["Content-Type"].partition(";")[0]
    if media_type in {"application/json", "application/problem+json"}:
        schema = {**content[media_type]["schema"], "components": spec["components"]}
        checker = validator_for(schema, default=Draft202012Validator).FORMAT_CHECKER
        Draft202012Validator(schema, format_checker=checker).validate(response.json())


@cache
def _document() -> dict[str, Any]:
    return document([])


def _operation(spec: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    for template, item in spec["paths"].items():
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path):
            found: dict[str, Any] | None = item.get(method)
            return found
    return None
