"""Credentials: tokens, sessions and CSRF; the responses without a good one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.urls import resolve
from django.utils import timezone

from jobs.models import Job, Token
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD

BODY = {"task": ADD, "args": {"n": 1}}
CLOSED = [
    ("get", JOBS),
    ("post", JOBS),
    ("get", f"{JOBS}/x"),
    ("post", f"{JOBS}/x/cancel"),
    ("post", f"{JOBS}/x/retry"),
    ("get", f"{JOBS}/x/log"),
    ("get", f"{JOBS}/x/artifacts/y"),
    ("post", "/api/v1/uploads"),
    ("get", "/api/v1/tasks"),
    ("get", "/api/v1/tasks/x"),
    ("get", "/api/v1/queues"),
    ("get", "/metrics"),
]


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_a_request_without_a_credential_is_a_401(db: None, method: str, path: str) -> None:
    nobody = Api(None)
    response = nobody.get(path) if method == "get" else nobody.post(path)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="jobdesk"'
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["type"] == "/api/v1/docs#unauthenticated"


@pytest.mark.parametrize("text", ["wrong", "", "jd_", "ü", "a b"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_an_unknown_token_is_a_401(db: None, scheme: str, text: str) -> None:
    response = Client(headers={"Authorization": f"{scheme} {text}"}).get(JOBS)
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_the_token_of_an_inactive_user_is_a_401(api: Api, ada: User) -> None:
    ada.is_active = False
    ada.save()
    assert api.get(JOBS).status_code == 401


def test_a_session_does_not_replace_an_unknown_token(ada: User) -> None:
    client = Client(headers={"Authorization": "Bearer wrong"})
    client.force_login(ada)
    assert client.get(JOBS).status_code == 401


def test_a_session_reads(ada: User) -> None:
    client = Client(headers={"Authorization": "Basic Zm9yOnByb3h5"})
    client.force_login(ada)
    assert client.get(JOBS).status_code == 200


@pytest.fixture
def browser(api: Api, ada: User) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    return client


def test_a_session_writes_only_with_its_csrf_token(browser: Client) -> None:
    refused = browser.post(JOBS, BODY, content_type="application/json")
    assert refused.status_code == 403
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["type"].endswith("#csrf")
    assert not Job.objects.exists()

    browser.cookies["csrftoken"] = "a" * 32
    for header, status in (("b" * 32, 403), ("a" * 32, 202)):
        response = browser.post(
            JOBS, BODY, content_type="application/json", headers={"X-CSRFToken": header}
        )
        assert response.status_code == status


def test_a_form_field_is_no_csrf_token(browser: Client) -> None:
    """It could only be found by reading the whole body."""
    browser.cookies["csrftoken"] = "a" * 32
    response = browser.post("/api/v1/uploads?name=x", {"csrfmiddlewaretoken": "a" * 32})
    assert response.status_code == 403


def test_a_session_sends_raw_bytes(browser: Client) -> None:
    browser.cookies["csrftoken"] = "a" * 32
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        response = browser.post(
            "/api/v1/uploads?name=x",
            b"a=b&c=d",
            content_type=content_type,
            headers={"X-CSRFToken": "a" * 32},
        )
        assert (response.status_code, response.json()["size"]) == (201, 7)


def test_a_token_needs_no_csrf_token(ada: User, api: Api) -> None:
    client = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {api.token}"})
    assert client.post(JOBS, BODY, content_type="application/json").status_code == 202


def test_a_tokens_use_is_recorded_once_an_hour(api: Api, django_assert_num_queries: Any) -> None:
    now = timezone.now()
    Token.objects.update(last_used_at=None)
    with django_assert_num_queries(4):  # the token, the note, the jobs
        Token.objects.get()
        api.get(JOBS)
    noted = Token.objects.get().last_used_at
    assert noted is not None
    assert noted >= now
    with django_assert_num_queries(2):
        api.get(JOBS)
    assert Token.objects.get().last_used_at == noted

    Token.objects.update(last_used_at=now - timedelta(minutes=61))
    api.get(JOBS)
    noted = Token.objects.get().last_used_at
    assert noted is not None
    assert noted >= now


def test_a_use_that_cannot_be_recorded_does_not_fail_the_request(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any, **__: Any) -> int:
        raise OperationalError("database is locked")

    Token.objects.update(last_used_at=None)
    monkeypatch.setattr("django.db.models.query.QuerySet.update", locked)
    assert api.get(JOBS).status_code == 200


def test_the_token_itself_is_not_stored(api: Api) -> None:
    assert api.token not in str(Token.objects.values_list().get())


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (JOBS, "GET, HEAD, OPTIONS, POST"),
        (f"{JOBS}/x", "GET, HEAD, OPTIONS"),
        (f"{JOBS}/x/cancel", "OPTIONS, POST"),
        ("/api/v1/uploads", "GET, HEAD, OPTIONS, POST"),
        ("/healthz", "GET, HEAD, OPTIONS"),
    ],
)
@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_a_wrong_method_gets_the_allowed_ones(
    api: Api, method: str, path: str, allowed: str
) -> None:
    response = getattr(api.client, method)(path)
    assert response.status_code == 405
    assert response.headers["Allow"] == allowed
    assert response.json()["status"] == 405


@pytest.mark.parametrize("path", ["/", "nowhere", "jobs/", "jobs/x/y", "v2", "jobs/x/log/"])
def test_an_unknown_address_is_a_problem_too(db: None, path: str) -> None:
    for method in ("get", "post", "delete"):
        response = getattr(Client(), method)(f"/api/v1/{path}")
        assert response.status_code == 404
        assert response.headers["Content-Type"] == "application/problem+json"


def test_responses_are_private_to_the_caller(api: Api) -> None:
    response = api.get(JOBS)
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in response.headers["Vary"]


def test_head_is_get_without_a_body(api: Api) -> None:
    """Calls the view itself: the test client would remove a body, a server may not."""
    for path, view in ((JOBS, resolve(JOBS).func), ("/healthz", resolve("/healthz").func)):
        headers = {"Authorization": f"Bearer {api.token}"}
        got = view(RequestFactory().get(path, headers=headers))
        response = view(RequestFactory().head(path, headers=headers))
        assert (response.status_code, response.content) == (200, b"")
        assert response.headers["Content-Type"] == got.headers["Content-Type"]
        assert response.headers["Content-Length"] == str(len(got.content))


def test_login_required_everywhere_does_not_redirect_programs(settings: Any, db: None) -> None:
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert Client().get(JOBS).status_code == 401
    assert Client().get("/healthz").status_code == 200


def test_tokens_work_without_sessions(settings: Any, api: Api) -> None:
    settings.MIDDLEWARE = []
    assert api.get(JOBS).status_code == 200
    assert Client().get(JOBS).status_code == 401


def test_atomic_requests_does_not_apply_to_the_api(api: Api) -> None:
    assert "default" in resolve(JOBS).func._non_atomic_requests  # type: ignore[attr-defined]
