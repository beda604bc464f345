"""Probes ask a process directly: by a pod's address, without HTTPS, without a session."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from jobs.models import Token

pytestmark = pytest.mark.django_db

POD = "10.42.0.17:8000"


@pytest.fixture(autouse=True)
def deployed(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["desk.example"]
    settings.SECURE_SSL_REDIRECT = True


@pytest.fixture
def probe() -> Client:
    return Client(headers={"Host": POD})


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("host", [POD, "desk.example", "evil.example", "no host/at@all"])
def test_health_is_told_whatever_the_host_is(path: str, host: str) -> None:
    answer = Client(headers={"Host": host}).get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert not answer.cookies
    told = answer.content.decode() + str(answer.headers)
    assert host not in told


def test_metrics_are_told_to_a_token_whatever_the_host_is(probe: Client, ada: User) -> None:
    token = Token.objects.issue(ada)[1]
    answer = probe.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert b"jobdesk_jobs" in answer.content
    assert probe.get("/metrics", headers={"Authorization": "Bearer x"}).status_code == 401


def test_metrics_are_told_to_staff_who_signed_in(chief: User, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = False
    client = Client(headers={"Host": "desk.example"})
    client.force_login(chief)
    assert client.get("/metrics").status_code == 200
    # Another scheme is for a proxy in front of us.
    assert client.get("/metrics", headers={"Authorization": "Basic eDp5"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/jobs/", "/api/v1/jobs", "/tasks/healthz", "/x/healthz", "/healthz/"]
)
def test_every_other_path_is_for_the_sites_hosts_alone(probe: Client, path: str) -> None:
    assert probe.get(path).status_code == 400


def test_a_probe_costs_no_statement_about_sessions(
    chief: User, django_assert_num_queries: Any
) -> None:
    client = Client(headers={"Host": POD})
    client.force_login(chief)
    with django_assert_num_queries(0):
        assert client.get("/healthz").status_code == 200


def test_below_a_path_of_a_project(probe: Client, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.integration.api_mounted"
    assert probe.get("/desk/healthz").status_code == 200
    assert probe.get("/desk/readyz").status_code == 200
    assert probe.get("/healthz").status_code == 400


def test_api_clients_are_not_redirected(settings: Any) -> None:
    settings.FORCE_SCRIPT_NAME = "/desk"
    client = Client(headers={"Host": "desk.example"})
    assert client.post("/api/v1/jobs").status_code == 403
    assert client.get("/metrics").status_code == 401
    assert client.get("/jobs/").status_code == 301
