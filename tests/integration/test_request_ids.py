"""Each response has the id of its request, and so have the log and the jobs that it submits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient, Client, RequestFactory
from django.urls import reverse

from jobs import JobContext, job
from jobs.api.request_ids import identify_requests
from jobs.consumer.attempt import Attempt
from jobs.consumer.executor import run_attempt
from jobs.consumer.job_log import log_finished
from jobs.consumer.task_process.pool import TaskProcessPool
from jobs.core.log_lines import LineFormatter
from jobs.core.request_ids import current_request_id
from jobs.lifecycle import Outcome
from jobs.models import Job
from tests.factories import make_artifact, make_job, take_one
from tests.integration.api_client import Api
from tests.integration.api_tasks import ADD
from tests.integration.page_tasks import PLAIN
from tests.testapp import tasks

pytestmark = pytest.mark.django_db
GIVEN = {"X-Request-Id": "order-7"}


def id_of(response: Any) -> str:
    return str(response.headers["X-Request-Id"])


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What a console shows, as it was formatted when it was logged."""
    found: list[str] = []

    class Console(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(self.format(record))

    console = Console(logging.INFO)
    console.setFormatter(LineFormatter())
    logging.getLogger().addHandler(console)
    caplog.set_level(logging.INFO)
    yield found
    logging.getLogger().removeHandler(console)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/healthz", 200),
        ("/readyz", 200),
        ("/api/v1", 200),
        ("/api/v1/jobs", 401),
        ("/api/v1/openapi.json", 200),
        ("/api/nothing", 404),
        ("/nothing", 404),
        ("/jobs/", 302),
        ("/sign-in/", 200),
        ("/admin/", 302),
        ("/static/jobs/jobs.css", 200),
        ("/static/none.css", 404),
    ],
)
def test_each_answer_has_it(path: str, status: int) -> None:
    response = Client().get(path, headers=GIVEN)
    response.close()  # a file
    assert (response.status_code, id_of(response)) == (status, "order-7")
    others = [Client().get(path) for _ in range(2)]
    for other in others:
        other.close()
    assert len({id_of(other) for other in others}) == 2


def test_answers_that_middleware_gives_have_it(settings: Any) -> None:
    assert id_of(Client().get("/", headers=GIVEN | {"Host": "other.example"})) == "order-7"
    settings.SECURE_SSL_REDIRECT = True
    moved = Client().get("/jobs/", headers=GIVEN)
    assert (moved.status_code, id_of(moved)) == (301, "order-7")
    refused = Client().post("/api/v1/jobs", headers=GIVEN)
    assert (refused.status_code, id_of(refused)) == (403, "order-7")


def test_an_error_of_ours_has_it_and_its_line_too(
    monkeypatch: pytest.MonkeyPatch, ada: User, lines: list[str]
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("jobs.web.views.home.render", fail)
    client = Client(raise_request_exception=False, headers=GIVEN)
    client.force_login(ada)
    response = client.get("/")
    assert (response.status_code, id_of(response)) == (500, "order-7")
    (line,) = [one for one in lines if "ZeroDivisionError" in one]
    assert line.splitlines()[0].endswith("[order-7]")


def test_a_line_of_django_after_the_middleware_has_it(lines: list[str]) -> None:
    Client().get("/nothing", headers=GIVEN)
    assert any("Not Found: /nothing [order-7]" in line for line in lines)


def test_an_answer_without_change_and_a_head_have_it(api: Api) -> None:
    path = api.submit(ADD, args={"n": 1}).json()["links"]["self"]
    tag = api.get(path).headers["ETag"]
    same = api.get(path, headers=GIVEN | {"If-None-Match": tag})
    assert (same.status_code, id_of(same)) == (304, "order-7")
    assert id_of(api.client.head(path, headers=GIVEN)) == "order-7"
    assert id_of(api.client.options(path, headers=GIVEN)) == "order-7"


def test_a_file_has_it(page: Client, ada: User) -> None:
    done = make_job(owner=ada)
    make_artifact(done)
    address = reverse("jobs:artifact", args=[done.pk, "plot.svg"])
    response: Any = page.get(address, headers=GIVEN)
    assert (b"".join(response.streaming_content), id_of(response)) == (b"<svg/>", "order-7")


def test_a_job_has_that_of_its_request(api: Api) -> None:
    submitted = api.submit(ADD, args={"n": 1}, headers=GIVEN).json()
    assert submitted["request_id"] == "order-7"
    assert api.get(submitted["links"]["self"]).json()["request_id"] == "order-7"
    made = api.submit(ADD, args={"n": 1})
    assert made.json()["request_id"] == id_of(made)


def test_each_job_of_a_bulk_has_it(api: Api, lines: list[str]) -> None:
    body = b'{"task":"%s","args":{"n":1}}\n' % ADD.encode() * 3
    response: Any = api.client.post(
        "/api/v1/jobs/bulk", body, content_type="application/x-ndjson", headers=GIVEN
    )
    assert id_of(response) == "order-7"
    assert b"".join(response.streaming_content).count(b'"id"') == 3
    assert set(Job.objects.values_list("request_id", flat=True)) == {"order-7"}


def test_a_job_of_a_form_has_it(page: Client) -> None:
    page.post(f"/tasks/{PLAIN}/", {"text": "x", "args-text": "x"}, headers=GIVEN)
    assert [one.request_id for one in Job.objects.all()] == ["order-7"]


def test_a_job_that_code_submits_outside_of_a_request_has_none() -> None:
    tasks.square.enqueue(7)
    assert Job.objects.get().request_id is None


def test_staff_see_it_on_the_page_of_the_job(page: Client, chief: User, ada: User) -> None:
    address = reverse("jobs:job", args=[make_job(owner=ada, request_id="order-7").pk])
    assert "order-7" not in page.get(address).content.decode()
    page.force_login(chief)
    assert "order-7" in page.get(address).content.decode()


def test_the_admin_shows_it(admin_client: Client) -> None:
    address = reverse("admin:jobs_job_change", args=[make_job(request_id="order-7").pk])
    assert "order-7" in admin_client.get(address).content.decode()


@pytest.fixture
def seen(api_tasks: None) -> list[str]:
    """Declare tasks that note what they know of their request; one submits another."""
    found: list[str] = []

    @job(name="tests.look")
    def look() -> None:
        found.append(current_request_id())
        logging.getLogger("shop").warning("looking")

    @job(name="tests.submit_another")
    def submit_another(context: JobContext) -> None:
        tasks.square.enqueue(7)

    @job(name="tests.look_later")
    async def look_later() -> None:
        await asyncio.sleep(0)
        found.append(current_request_id())

    return found


def run_next() -> None:
    claim, ended = take_one(), []

    def settled(attempt: Attempt, outcome: Outcome) -> None:
        ended.append((attempt, outcome))

    run_attempt(Attempt(claim, settled, "here:7"), TaskProcessPool())
    log_finished(ended, ())
    Job.objects.filter(pk=claim.id).delete()


def test_a_task_logs_with_it_and_the_line_of_its_end_has_it(
    api: Api, seen: list[str], lines: list[str]
) -> None:
    api.submit("tests.look", headers=GIVEN)
    run_next()
    assert seen == ["order-7"]
    assert current_request_id() == ""
    assert any(line.endswith("shop: looking [order-7]") for line in lines)
    assert any("tests.look" in line and line.endswith("(attempt 1) [order-7]") for line in lines)


def test_a_coroutine_has_it(api: Api, seen: list[str]) -> None:
    api.submit("tests.look_later", headers=GIVEN)
    run_next()
    assert seen == ["order-7"]


def test_a_job_that_a_job_submits_has_the_same(api: Api, seen: list[str]) -> None:
    api.submit("tests.submit_another", headers=GIVEN)
    run_next()
    another = Job.objects.get()
    assert (another.task, another.request_id) == ("testapp.square", "order-7")


def test_the_next_job_of_a_thread_has_none_of_it(api: Api, seen: list[str]) -> None:
    api.submit("tests.look", headers=GIVEN)
    run_next()
    make_job(task="tests.look", kwargs={})
    run_next()
    assert seen == ["order-7", ""]


def test_what_makes_the_pieces_of_a_response_has_it(api: Api) -> None:
    pieces: list[str] = []

    def view(request: Any) -> Any:
        from django.http import StreamingHttpResponse

        def made() -> Iterator[bytes]:
            for _ in range(2):
                pieces.append(current_request_id())
                yield b"x"

        return StreamingHttpResponse(made())

    response: Any = identify_requests(view)(RequestFactory().get("/", headers=GIVEN))
    for _ in response.streaming_content:
        assert current_request_id() == "", "between two pieces"
    assert pieces == ["order-7", "order-7"]


def test_under_asgi_as_well() -> None:
    async def ask() -> Any:
        return await AsyncClient().get("/healthz", headers=GIVEN)

    assert id_of(asyncio.run(ask())) == "order-7"
