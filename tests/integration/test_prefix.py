"""Every address that the site gives, below a path of a shared host name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import clear_script_prefix, set_script_prefix

from jobs.core.states import Status
from jobs.web import sign_in
from tests.factories import make_artifact, make_job
from tests.integration.api_client import Api
from webapp.up import address
from webapp.up.run import _welcome

pytestmark = pytest.mark.django_db

PREFIX = "/desk"
ADDRESS = re.compile(r'\s(?:href|src|action|hx-get|hx-post|data-uploads)="(/[^"]*)"')


@pytest.fixture(params=["setting", "request"], autouse=True)
def prefix(request: pytest.FixtureRequest, settings: Any) -> Iterator[dict[str, Any]]:
    """A prefix that the site knows, or that a server tells with each request."""
    known = request.param == "setting"
    if known:
        settings.FORCE_SCRIPT_NAME = PREFIX
    set_script_prefix(PREFIX)  # as Django's handlers do it; its test client does not
    yield {} if known else {"SCRIPT_NAME": PREFIX}
    clear_script_prefix()


@pytest.fixture
def page(ada: User, prefix: dict[str, Any]) -> Client:
    ada.is_staff = ada.is_superuser = True
    ada.save()
    client = Client(**prefix)
    client.force_login(ada)
    return client


def addresses(client: Client, path: str) -> list[str]:
    """Every absolute address on a page."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    return ADDRESS.findall(answer.content.decode())


def test_every_link_of_every_page(page: Client, ada: User) -> None:
    job = make_job(owner=ada, status=Status.SUCCEEDED)
    make_artifact(job)
    waiting = make_job(owner=ada)
    paths = ["/", "/jobs/", "/tasks/webapp.square/", "/tasks/webapp.analyse_log/", "/api/v1/docs"]
    paths += [f"/jobs/{job.pk}/", f"/jobs/{job.pk}/?tab=files", f"/jobs/{waiting.pk}/"]
    paths += ["/admin/", "/admin/jobs/job/", f"/admin/jobs/job/{job.pk}/change/"]
    for path in paths:
        found = addresses(page, path)
        outside = [one for one in found if not re.match(r"/desk(/|$)", one)]
        assert (path, outside) == (path, [])
        assert any(one.startswith("/desk/static/") for one in found), path


def test_the_page_for_a_fault() -> None:
    text = render_to_string("500.html")
    assert ADDRESS.findall(text) == ["/desk/static/jobs/jobs.css", "/desk/"]


def test_static_files_are_served(page: Client) -> None:
    (style,) = [one for one in addresses(page, "/") if one.endswith("/jobs.css")]
    assert style == "/desk/static/jobs/jobs.css"
    answer = page.get(style.removeprefix(PREFIX))
    assert answer.status_code == 200
    answer.close()
    assert page.get("/favicon.ico").headers["Location"] == "/desk/static/jobs/icon.svg"


def test_signing_in_and_out(ada: User, prefix: dict[str, Any]) -> None:
    client = Client(**prefix)
    sent = client.get("/jobs/?q=1").headers["Location"]
    assert sent == "/desk/sign-in/?next=/desk/jobs/%3Fq%3D1"
    form = {"username": "ada", "password": "long-enough-7"}
    back = client.post(sent.removeprefix(PREFIX), form).headers["Location"]
    assert back == "/desk/jobs/?q=1"
    assert client.get("/sign-in/").headers["Location"] == "/desk/"  # signed in already
    assert client.post("/sign-out/").headers["Location"] == "/desk/sign-in/"
    assert client.post("/sign-in/", form).headers["Location"] == "/desk/"


def test_what_pages_redirect_to(page: Client, ada: User) -> None:
    sent = page.post("/tasks/webapp.square/", {"n": "7"})
    assert re.fullmatch(r"/desk/jobs/[0-9a-f-]+/", sent.headers["Location"])
    shown = sent.headers["Location"].removeprefix(PREFIX)
    assert page.post(f"{shown}cancel").headers["Location"] == sent.headers["Location"]
    assert page.get("/jobs").headers["Location"] == "/desk/jobs/"  # APPEND_SLASH


def test_the_json_api(ada: User, prefix: dict[str, Any]) -> None:
    api = Api(ada, **prefix)
    made = api.client.post(
        "/api/v1/jobs", {"task": "webapp.square", "args": {"n": 7}}, content_type="application/json"
    )
    make_artifact(make_job(owner=ada, status=Status.SUCCEEDED))
    assert made.headers["Location"] == made.json()["links"]["self"]
    listed = api.client.get("/api/v1/jobs?limit=1")
    assert listed.headers["Link"].startswith("</desk/api/v1/jobs?limit=1&cursor=")
    for job in api.client.get("/api/v1/jobs").json()["items"]:
        given = [*job["links"].values(), *(one["url"] for one in job["artifacts"])]
        assert all(one.startswith("/desk/") for one in given)
    assert api.client.get("/api/v1/jobs/x").json()["type"].startswith("/desk/api/v1/docs#")
    task = api.client.get("/api/v1/tasks/webapp.square").json()
    assert set(task["links"].values()) == {
        "/desk/api/v1/tasks/webapp.square",
        "/desk/tasks/webapp.square/",
        "/desk/api/v1/tasks/webapp.square/jobs",
    }
    document = api.client.get("/api/v1/openapi.json").json()
    assert document["servers"] == [{"url": "/desk"}]
    assert "DESK=http://testserver/desk\n" in api.client.get("/api/v1/docs").content.decode()


def test_the_line_that_up_prints(ada: User, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    lines: list[str] = []
    url = address.base_url("127.0.0.1", 8000)
    _welcome(url, ada, any_host=False, write=lines.append)
    assert lines[-1].startswith("Open http://127.0.0.1:8000/desk/sign-in/?token=")


def test_a_projects_page_at_djangos_default_address(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = SimpleNamespace(LOGIN_URL="/accounts/login/", is_overridden=lambda name: False)
    monkeypatch.setattr(sign_in, "settings", default)
    settings.ROOT_URLCONF = "tests.integration.prefixed_accounts"
    request = HttpRequest()
    request.path = "/desk/jobs/"
    assert sign_in.redirect_to_sign_in(request).url == "/desk/accounts/login/?next=/desk/jobs/"
