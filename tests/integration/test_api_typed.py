"""An API for machines: values of their declared types, and each task as an operation of its own."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from enum import Enum
from typing import Any, Literal

import pytest
from django.test import Client
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from jobs import InputFile, job
from jobs.api.examples import EXAMPLES, example_of
from jobs.api.json_schema import component_schemas
from jobs.api.openapi import document
from jobs.brokers.base import ReceivedMessage
from jobs.catalog import exposed_tasks
from jobs.catalog.json_arguments import JsonArguments
from jobs.catalog.registry import AnyTask, get_task
from jobs.consumer.ingest import ingest
from jobs.core.uuid7 import uuid7
from jobs.models import Job, QuarantinedMessage
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD, SECRET

TYPED = "tests.typed_values"
OF_ADD = f"/api/v1/tasks/{ADD}/jobs"


class Level(int, Enum):
    LOW = 1
    HIGH = 2


class Part(BaseModel):
    size: int


class Options(BaseModel):
    deep: bool = False


@pytest.fixture(scope="module", autouse=True)
def typed() -> None:
    @job(name=TYPED)
    def typed_values(
        *,
        whole: int = 0,
        number: float = 0.0,
        yes: bool = False,
        day: date | None = None,
        at: datetime | None = None,
        level: Level = Level.LOW,
        one: Literal[1, 2] = 1,
        true: Literal[True] = True,
        part: Part | None = None,
        sizes: list[int] = [],  # noqa: B006
        by_name: dict[str, int] = {},  # noqa: B006
    ) -> None:
        "Take a value of each type."


WRONG = [
    *(("whole", "7"), ("whole", True), ("whole", 7.5), ("number", "1"), ("number", True)),
    *(("yes", 1), ("yes", "true"), ("day", 86400), ("day", "86400"), ("at", 1_700_000_000)),
    *(("at", "1700000000"), ("level", "2"), ("level", True), ("one", True), ("one", "1")),
    *(("true", 1), ("part", {"size": "1"}), ("part", {"size": True}), ("sizes", ["1"])),
    *(("sizes", [True]), ("by_name", {"a": "1"})),
]
RIGHT = [
    *(("whole", 7), ("whole", 7.0), ("number", 7), ("yes", True), ("day", "2026-11-21")),
    *(("at", "2026-11-21T14:30:00Z"), ("level", 2), ("one", 2), ("true", True)),
    *(("part", {"size": 1}), ("part", {"size": 2.0}), ("sizes", [1, 2]), ("by_name", {"a": 1})),
]


@pytest.fixture(params=["jobs", "task"])
def send(request: pytest.FixtureRequest, api: Api) -> Any:
    """Submits arguments by either address; the status, and the pointers without their beginning."""

    def submit(args: Any) -> tuple[int, list[str]]:
        if request.param == "jobs":
            response = api.submit(TYPED, args=args)
        else:
            response = api.post(f"/api/v1/tasks/{TYPED}/jobs", args)
        errors = response.json().get("errors", [])
        return response.status_code, [one["pointer"].removeprefix("/args") for one in errors]

    return submit


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_value_of_another_type_is_refused(send: Any, name: str, value: Any) -> None:
    status, pointers = send({name: value})
    assert status == 422
    assert all(pointer.startswith(f"/{name}") for pointer in pointers)
    assert not Job.objects.exists()


@pytest.mark.parametrize(("name", "value"), RIGHT)
def test_a_value_of_its_type_is_taken(send: Any, name: str, value: Any) -> None:
    assert send({name: value}) == (202, [])
    assert Job.objects.get().kwargs[name] == value


def test_values_fit_the_document_as_they_fit_the_api(db: None) -> None:
    checker = Draft202012Validator(get_task(TYPED).spec.json_schema)
    for name, value in RIGHT:
        assert checker.is_valid({name: value}), (name, value)
    for name, value in WRONG:
        # To the schema, text of digits is a text: `format` is for its reader.
        if name not in {"day", "at"} or not isinstance(value, str):
            assert not checker.is_valid({name: value}), (name, value)


def test_a_message_is_held_to_the_types_as_well(api: Api, settings: Any) -> None:
    settings.JOBS = {**settings.JOBS, "FOREIGN_OWNER": "ada"}
    for value in ("7", True, 7):
        message = {"job_id": str(uuid7()), "task": ADD, "args": {"n": value}}
        ingest("default", "redis", ReceivedMessage(None, json.dumps(message).encode()))
    assert Job.objects.get().kwargs["n"] == 7
    reasons = QuarantinedMessage.objects.values_list("reason", flat=True)
    assert len(reasons) == 2
    assert all("whole number" in reason for reason in reasons)


def test_a_form_takes_text_for_a_number(api: Api) -> None:
    assert get_task(ADD).spec.validate({"n": "7"}).stored["n"] == 7


def test_a_task_has_an_address_of_its_own(api: Api) -> None:
    task = api.get(f"/api/v1/tasks/{ADD}").json()
    assert task["links"]["jobs"] == OF_ADD
    response = api.post(OF_ADD, {"n": 7})
    assert response.status_code == 202
    assert response.json()["args"] == {"n": 7, "m": 1}
    assert response.headers["Location"] == response.json()["links"]["self"]


def test_what_is_beside_the_arguments_is_in_the_query(api: Api) -> None:
    query = "priority=-3&max_attempts=2&unique_key=k&run_after=2999-01-01T00:00:00Z&queue=default"
    first = api.post(f"{OF_ADD}?{query}", {"n": 7})
    assert first.status_code == 202
    job = first.json()
    assert (job["priority"], job["max_attempts"], job["queue"]) == (-3, 2, "default")
    assert job["run_after"].startswith("2999-01-01T00:00:00")
    again = api.post(f"{OF_ADD}?{query}", {"n": 8})
    assert (again.status_code, again.json()["id"]) == (200, job["id"])


@pytest.mark.parametrize(
    ("query", "body", "pointers"),
    [
        ("priority=high", {"n": 7}, ["/priority"]),
        ("priority=1&priority=2", {"n": 7}, ["/priority"]),
        ("run_after=tomorrow", {"n": 7}, ["/run_after"]),
        ("max_attempts=0", {"n": 7}, ["/max_attempts"]),
        ("colour=red&Queue=a", {"n": 7}, ["/colour", "/Queue"]),
        ("", {"n": -1}, ["/n"]),
        ("", {"colour": 1}, ["/n", "/colour"]),
        ("", [7], [""]),
    ],
)
def test_what_does_not_fit_is_pointed_at(
    api: Api, query: str, body: Any, pointers: list[str]
) -> None:
    response = api.post(f"{OF_ADD}?{query}", body)
    assert response.status_code == 422
    assert [one["pointer"] for one in response.json()["errors"]] == pointers


def test_a_key_means_the_same_request_at_both_addresses(api: Api) -> None:
    headers = {"Idempotency-Key": "k"}
    first = api.post(OF_ADD, {"n": 7}, headers=headers)
    again = api.submit(ADD, args={"n": 7}, headers=headers)
    other = api.post(OF_ADD, {"n": 8}, headers=headers)
    assert (again.status_code, other.status_code) == (200, 409)
    assert again.json()["id"] == first.json()["id"]


def test_a_task_of_its_own_address_is_guarded_as_any(api: Api) -> None:
    assert api.post(f"/api/v1/tasks/{SECRET}/jobs", {}).status_code == 403
    missing = api.post("/api/v1/tasks/tests.add_numbres/jobs", {})
    assert missing.status_code == 404
    assert ADD in missing.json()["nearest"]
    assert Client().post(OF_ADD, {}, "application/json").status_code == 401


def test_each_task_is_an_operation_with_its_arguments(api: Api) -> None:
    spec = api.get("/api/v1/openapi.json").json()
    ids = [one["operationId"] for item in spec["paths"].values() for one in item.values()]
    assert len(set(map(str.lower, ids))) == len(ids)
    for task in exposed_tasks():
        operation = spec["paths"][f"/api/v1/tasks/{task.name}/jobs"]["post"]
        content = operation["requestBody"]["content"]["application/json"]
        assert content["schema"]["$ref"].endswith(f"/{task.name}.args")
        checker = Draft202012Validator({**content["schema"], "components": spec["components"]})
        checker.validate(content["examples"]["request"]["value"])
    assert spec["paths"][OF_ADD]["post"]["operationId"] == "submitTestsAddNumbers"


def test_titles_and_functions_of_one_name_do_not_clash() -> None:
    def tidy(options: Options) -> None: ...

    names = ("shop.tidy", "shop_tidy", "desk.tidy")
    tasks: list[AnyTask] = [job(name=name, title="Tidy up")(tidy) for name in names]
    spec = document(tasks)
    text = json.dumps(spec["components"]["schemas"])
    assert "$defs" not in text
    assert "tidy_arguments" not in text
    found = spec["components"]["schemas"]
    assert len({name.lower().replace(".", "").replace("_", "") for name in found}) == len(found)
    for name in names:
        operation = spec["paths"][f"/api/v1/tasks/{name}/jobs"]["post"]
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        options = found[reference.rpartition("/")[2]]["properties"]["options"]["$ref"]
        assert found[options.rpartition("/")[2]]["properties"]["deep"]["default"] is False


def test_every_body_says_what_it_is() -> None:
    for item in document([])["paths"].values():
        for operation in item.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                assert content["schema"]
            for response in operation["responses"].values():
                for content in response.get("content", {}).values():
                    assert content["schema"]


def test_the_examples_fit_their_schemas() -> None:
    components = component_schemas()
    for name, example in EXAMPLES.items():
        schema = {**components[name], "components": {"schemas": components}}
        Draft202012Validator(schema).validate(example)


def test_an_example_is_made_of_any_arguments(db: None) -> None:
    def parts(part: Part, many: list[Level], file: InputFile, name: str = "x") -> None: ...

    task: AnyTask = job(name="tests.parts")(parts)
    example = example_of(task.spec.json_schema)
    assert task.spec.validate(JsonArguments(example)).stored["part"] == {"size": 7}
    for found in exposed_tasks():
        found.spec.validate(JsonArguments(example_of(found.spec.json_schema)))


def test_links_lead_to_operations_and_their_parameters() -> None:
    spec = document([])
    operations = {
        one["operationId"]: one for item in spec["paths"].values() for one in item.values()
    }
    links = {
        (source, name): link
        for source, one in operations.items()
        for response in one["responses"].values()
        for name, link in response.get("links", {}).items()
    }
    after_job = {"cancelJob", "retryJob", "getLog", "getArtifact", "listResults"}
    assert {name for source, name in links if source == "getJob"} == after_job
    after_page = {"getJob", "getArtifact", "listResults"}
    assert {name for source, name in links if source == "listResults"} == after_page
    assert {("createUpload", "appendToUpload"), ("listTasks", "getTask")} <= set(links)
    for (_, name), link in links.items():
        target = operations[name]
        assert link["operationId"] == name
        assert {one["name"] for one in target["parameters"]} >= set(link["parameters"])
        needed = {one["name"] for one in target["parameters"] if one["in"] == "path"}
        assert needed <= set(link["parameters"])


def test_an_unknown_name_in_a_query_is_refused_by_every_call(api: Api) -> None:
    for path, item in document([])["paths"].items():
        if not path.startswith("/api/v1") or path == "/api/v1/docs":
            continue
        for method in item:
            address = re.sub(
                r"\{\w+\}", "x", path.replace("{token_id}", "1").replace("{name}", ADD)
            )
            if method != "options":
                response = api.client.generic(method.upper(), f"{address}?colour=red")
                assert response.status_code == 422, (method, path, response.content)
                if method != "head":
                    assert response.json()["errors"][0]["pointer"] == "/colour"
    # What watches adds what it likes.
    assert api.get("/healthz?colour=red").status_code == 200


@pytest.mark.django_db
def test_every_address_tells_its_methods_without_a_credential() -> None:
    for path, item in document([])["paths"].items():
        if "options" in item:
            continue  # resumable uploads have one of their own
        address = path.replace("{", "").replace("}", "")
        response = Client().options(address)
        assert response.status_code == 204
        methods = {method.upper() for method in item}
        expected = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
        assert set(response.headers["Allow"].split(", ")) == expected
        assert not response.content
    assert Client().options(JOBS).headers["Accept-Post"] == "application/json"


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/"])
@pytest.mark.django_db
def test_the_root_is_an_index(path: str) -> None:
    response = Client().get(path)
    links = response.json()["links"]
    assert links["self"] == "/api/v1"
    assert links["jobs"] == JOBS
    assert 'rel="service-desc"' in response.headers["Link"]
    for address in links.values():
        assert Client().get(address).status_code != 404
    head = Client().head(path)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v2", "/api/v2/jobs", "/api/v1/nothing"])
@pytest.mark.django_db
def test_what_is_nowhere_is_a_problem(path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        response = Client().generic(method, path)
        assert response.status_code == 404
        assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api", "/api/v1/jobs", "/api/v2/"])
def test_a_wrong_host_is_a_problem(path: str, settings: Any, caplog: Any) -> None:
    settings.ALLOWED_HOSTS = ["desk.example.org"]
    response = Client().get(path, headers={"Host": "evil.example.org"})
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["type"] == "/api/v1/docs#wrong-host"
    assert "evil.example.org" not in response.content.decode()
    assert caplog.records[0].name == "django.security.DisallowedHost"


def test_a_query_of_a_thousand_names_is_a_problem(api: Api) -> None:
    response = api.get(f"{JOBS}?{'limit=1&' * 1_001}")
    assert response.status_code == 400
