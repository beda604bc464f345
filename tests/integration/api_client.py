"""A client of the JSON API that holds each answer to the OpenAPI document."""

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
TOLD_IN_DOCUMENT = {
    "Accept-Post",
    "Allow",
    "Content-Disposition",
    "ETag",
    "Link",
    "Location",
    "Preference-Applied",
    "Retry-After",
    "WWW-Authenticate",
    "X-Next-Offset",
}


class Api:
    """Sends requests with a user's token. Every answer must be one that the document foretells."""

    def __init__(self, user: User | None, **extra: Any) -> None:
        self.user = user
        headers = {}
        if user is not None:
            _, self.token = Token.objects.issue(user)
            # In use already, so that no request writes that down.
            Token.objects.filter(user=user).update(last_used_at="2999-01-01T00:00:00Z")
            headers["Authorization"] = f"Bearer {self.token}"
        self.client = Client(headers=headers, **extra)

    def get(self, path: str, **more: Any) -> Any:
        """Send a GET."""
        return self._checked("get", path, self.client.get(path, **more))

    def post(self, path: str, data: Any = None, **more: Any) -> Any:
        """Send a POST; data that is no bytes goes as JSON."""
        body = data if isinstance(data, bytes) else json.dumps({} if data is None else data)
        more.setdefault("content_type", "application/json")
        return self._checked("post", path, self.client.post(path, body, **more))

    def submit(self, task: str, /, *, headers: dict[str, str] | None = None, **body: Any) -> Any:
        """Hand in a job."""
        return self.post(JOBS, {"task": task, **body}, headers=headers)

    def _checked(self, method: str, path: str, answer: Any) -> Any:
        assert_foretold(method, path.partition("?")[0], answer)
        return answer


def assert_foretold(method: str, path: str, answer: Any) -> None:
    """Check an answer's status, headers and body against the document."""
    told = _document()
    operation = _operation(told, method, path)
    if operation is None:
        assert answer.status_code in {404, 405}
        return
    assert str(answer.status_code) in operation["responses"], (method, path, answer.content)
    foretold = operation["responses"][str(answer.status_code)]
    unknown = (TOLD_IN_DOCUMENT & set(answer.headers)) - set(foretold.get("headers", {}))
    assert not unknown, (method, path, answer.status_code, unknown)
    content = foretold.get("content")
    if content is None:
        assert not answer.content
        return
    media_type = answer.headers["Content-Type"].partition(";")[0]
    if media_type in {"application/json", "application/problem+json"}:
        schema = {**content[media_type]["schema"], "components": told["components"]}
        checker = validator_for(schema, default=Draft202012Validator).FORMAT_CHECKER
        Draft202012Validator(schema, format_checker=checker).validate(answer.json())


@cache
def _document() -> dict[str, Any]:
    return document([])


def _operation(told: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    for template, item in told["paths"].items():
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path):
            found: dict[str, Any] | None = item.get(method)
            return found
    return None
