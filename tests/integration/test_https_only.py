"""A site that is reached by HTTPS takes no token that came in the clear."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.models import Token

pytestmark = pytest.mark.django_db

BY_HTTPS = {"X-Forwarded-Proto": "https"}
BY_HTTP = {"X-Forwarded-Proto": "http"}


@pytest.fixture(autouse=True)
def deployed(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


@pytest.fixture
def token(ada: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {Token.objects.issue(ada)[1]}"}


@pytest.mark.parametrize("method", ["get", "post", "head", "delete", "options"])
@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/uploads", "/api/v1/nothing"])
@pytest.mark.parametrize("how", [{}, BY_HTTP])
def test_a_token_over_plain_http_is_refused_and_not_looked_at(
    token: dict[str, str], method: str, path: str, how: dict[str, str]
) -> None:
    with CaptureQueriesContext(connection) as statements:
        answer = getattr(Client(headers=token | how), method)(path)
    assert answer.status_code == 403
    if method != "head":
        problem = answer.json()
        assert problem["type"].endswith("#https-required")
        assert "issue another one" in problem["detail"]
    assert len(statements) == 0


def test_what_would_change_something_is_refused_without_a_token_too() -> None:
    assert Client().post("/api/v1/jobs").status_code == 403


def test_who_reads_without_a_token_is_led_to_https() -> None:
    answer = Client().get("/api/v1/docs")
    assert (answer.status_code, answer.headers["Location"]) == (
        301,
        "https://testserver/api/v1/docs",
    )


def test_by_https_all_goes_on(token: dict[str, str]) -> None:
    assert Client(headers=token | BY_HTTPS).get("/api/v1/jobs").status_code == 200
    assert Client(headers=BY_HTTPS).post("/api/v1/jobs").status_code == 401


def test_prometheus_asks_a_process_directly_or_by_https(token: dict[str, str]) -> None:
    assert Client(headers=token).get("/metrics").status_code == 200
    assert Client(headers=token | BY_HTTPS).get("/metrics").status_code == 200
    assert Client(headers=token | BY_HTTP).get("/metrics").status_code == 403


def test_a_site_on_this_machine_speaks_plain_http(token: dict[str, str], settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = False
    assert Client(headers=token).get("/api/v1/jobs").status_code == 200
