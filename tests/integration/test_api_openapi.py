"""The OpenAPI document says what the API does, and the page shows it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, get_resolver
from django.urls.resolvers import URLResolver
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from jobs.api.openapi import document
from jobs.api.problems import KINDS
from jobs.catalog import exposed_tasks
from jobs.templatetags.jobs_api import coded
from tests.integration.api_client import Api
from tests.integration.api_tasks import ADD, READ

DOCUMENT = "/api/v1/openapi.json"


def described(resolver: URLResolver, prefix: str = "/") -> dict[tuple[str, str], Any]:
    """Every address of ours with its methods, as the document writes them."""
    found: dict[tuple[str, str], Any] = {}
    for entry in resolver.url_patterns:
        path = prefix + re.sub(r"<\w+:(\w+)>", r"{\1}", str(entry.pattern))
        if isinstance(entry, URLResolver):
            found |= described(entry, path)
        elif isinstance(entry, URLPattern) and hasattr(entry.callback, "handlers"):
            for method in entry.callback.handlers:
                found[path.replace("{job_id}", "{id}"), method] = entry.callback
    return found


@pytest.mark.django_db
def test_the_document_is_valid_openapi(api: Api) -> None:
    for spec in (api.get(DOCUMENT).json(), document([])):
        assert spec["openapi"].startswith("3.1")
        errors = list(OpenAPIV31SpecValidator(spec).iter_errors())
        assert not errors, errors[0]


def test_every_address_and_method_is_described() -> None:
    paths = document([])["paths"]
    spec = {(path, method) for path, item in paths.items() for method in item}
    assert spec == set(described(get_resolver("webapp.urls")))


def test_an_operation_is_described_by_the_docstring_of_its_view() -> None:
    operation = document([])["paths"]["/api/v1/jobs/{id}"]["get"]
    assert operation["summary"] == "Get a job"
    assert operation["description"].startswith("Poll with `If-None-Match`: 304 costs")
    for item in document([])["paths"].values():
        for one in item.values():
            assert one["summary"]
            assert "``" not in one.get("description", "")


def test_every_kind_of_problem_can_be_met() -> None:
    text = str(document([])["paths"])
    for kind in KINDS:
        assert f"#{kind.slug}'" in text


def test_the_arguments_of_each_task_are_described(api: Api) -> None:
    schemas = api.get(DOCUMENT).json()["components"]["schemas"]
    assert schemas[f"{ADD}.args"]["properties"]["n"]["minimum"] == 0
    assert schemas[f"{ADD}.submission"]["properties"]["task"] == {"const": ADD}
    assert schemas[f"{READ}.args"]["properties"]["log"] == {
        "$ref": "#/components/schemas/UploadReference"
    }
    assert schemas["UploadReference"]["required"] == ["upload"]


def test_a_body_fits_the_document_as_it_fits_the_api(api: Api) -> None:
    spec = api.get(DOCUMENT).json()
    operation = spec["paths"]["/api/v1/jobs"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    checker = Draft202012Validator({**schema, "components": spec["components"]})
    for body in (
        {"task": ADD, "args": {"n": 1}},
        {"task": ADD, "args": {"n": 1}, "queue": None, "priority": 3, "unique_key": "k"},
        {"task": ADD, "args": {}},
        {"task": ADD},
        {"task": ADD, "args": {"n": -1}},
        {"task": ADD, "args": {"n": 1}, "colour": "red"},
        {"task": ADD, "args": {"n": 1}, "priority": 101},
        {"task": "nothing", "args": {}},
    ):
        taken = api.post("/api/v1/jobs", body).status_code in {200, 202}
        assert checker.is_valid(body) == taken, body


def test_the_tasks_are_described_for_known_callers_only(ada: User) -> None:
    names = set(Client().get(DOCUMENT).json()["components"]["schemas"])
    assert not [name for name in names if name.endswith(".args")]
    browser = Client()
    browser.force_login(ada)
    names = set(browser.get(DOCUMENT).json()["components"]["schemas"])
    assert {f"{task.name}.args" for task in exposed_tasks()} <= names
    wrong = Client(headers={"Authorization": "Bearer wrong"})
    assert wrong.get(DOCUMENT).status_code == 401


def test_the_page_shows_every_call_and_every_problem(ada: User) -> None:
    browser = Client()
    for signed_in in (False, True):
        if signed_in:
            browser.force_login(ada)
        response = browser.get("/api/v1/docs")
        page = response.content.decode()
        assert response.status_code == 200
        for item in document([])["paths"].values():
            for operation in item.values():
                assert f'id="{operation["operationId"]}"' in page
        for kind in KINDS:
            assert f'id="{kind.slug}"' in page
        assert ("webapp." in page.split('id="tasks"')[-1]) or not signed_in


def test_a_call_is_shown_as_curl_and_words_between_backticks_as_code(db: None) -> None:
    page = Client().get("/api/v1/docs").content.decode()
    assert "DESK=http://testserver\n" in page
    assert "&quot;webapp.square&quot;, &quot;args&quot;: {&quot;n&quot;: 7}" in page
    assert "`" not in page.partition("<main")[2].partition('id="schemas"')[0]
    assert coded("a `b<` c") == "a <code>b&lt;</code> c"


def test_the_page_needs_nothing_from_elsewhere_and_nothing_inline(ada: User) -> None:
    page = Client().get("/api/v1/docs").content.decode()
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", page)
    assert not re.findall(r"<script(?![^>]*\bsrc=)", page)
    assert not re.findall(r"\s(?:style|on\w+)=", page)
    assert "<style" not in page


def test_the_addresses_follow_where_the_project_puts_them(ada: User, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.integration.api_mounted"
    api = Api(ada)
    spec = api.client.post(
        "/desk/api/v1/jobs", {"task": "webapp.square", "args": {"n": 7}}, "application/json"
    )
    assert spec.status_code == 202, spec.content
    assert spec.headers["Location"] == f"/desk/api/v1/jobs/{spec.json()['id']}"
    assert spec.json()["links"]["html"] == f"/desk/jobs/{spec.json()['id']}/"
    assert api.client.get(spec.headers["Location"]).status_code == 200
    assert document([])["servers"] == [{"url": "/desk"}]
    assert "DESK=http://testserver/desk" in api.client.get("/desk/api/v1/docs").content.decode()
    missing = api.client.get("/desk/api/v1/jobs/x")
    assert missing.json()["type"] == "/desk/api/v1/docs#not-found"
