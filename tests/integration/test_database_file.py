"""An SQLite file that was replaced under the running site: nothing is accepted into the old one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from jobs.core import database_file
from jobs.errors import Unavailable
from jobs.models import Job
from tests.factories import make_job
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD
from tests.integration.form_pages import form_at
from tests.integration.page_tasks import PLAIN
from webapp.tasks.square import square

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that this process takes for its database's."""
    found = tmp_path / "db.sqlite3"
    found.touch()
    monkeypatch.setattr(database_file, "path_of", lambda db: str(found))
    monkeypatch.setattr(database_file, "_opened", {})
    database_file.remember_file(None)  # type: ignore[arg-type]
    return found


@pytest.fixture(params=["replaced", "deleted"])
def gone(request: pytest.FixtureRequest, path: Path) -> None:
    """The file is another one by now."""
    path.rename(path.with_name("before"))
    if request.param == "replaced":
        path.touch()


def test_a_file_that_stays_is_no_trouble(path: Path, api: Api) -> None:
    path.write_bytes(b"changed")
    database_file.remember_file(None)  # type: ignore[arg-type]
    assert not database_file.is_replaced()
    assert api.submit(ADD, args={"n": 7}).status_code == 202


def test_the_api_accepts_nothing(api: Api, ada: User, gone: None) -> None:
    job = make_job(owner=ada)
    for response in (
        api.submit(ADD, args={"n": 7}),
        api.post(f"{JOBS}/{job.pk}/cancel"),
        api.post("/api/v1/uploads?name=a", b"x", content_type="text/plain"),
        api.get("/readyz"),
    ):
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "30"
        assert response.json()["detail"].startswith(database_file.REPLACED)
    assert api.get("/healthz").status_code == 200
    job.refresh_from_db()
    assert (Job.objects.count(), job.status) == (1, "queued")


def test_the_pages_accept_nothing(page: Client, gone: None) -> None:
    response = page.post(form_at(PLAIN), {"text": "a b"})
    assert response.status_code == 503
    assert database_file.REPLACED in response.content.decode()
    assert not Job.objects.exists()


def test_the_pages_show_nothing_of_a_file_that_nobody_writes(
    page: Client, ada: User, gone: None
) -> None:
    job = make_job(owner=ada)
    for address in ("/", "/jobs/", f"/jobs/{job.pk}/", f"/jobs/{job.pk}/live"):
        response = page.get(address)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "30"), address
        assert database_file.REPLACED in response.content.decode()


def test_code_cannot_submit(gone: None) -> None:
    with pytest.raises(Unavailable, match="Restart this process"):
        square.enqueue(7)


def test_a_new_connection_does_not_hide_it(path: Path, gone: None) -> None:
    database_file.remember_file(None)  # type: ignore[arg-type]
    assert database_file.is_replaced()


def test_another_kind_of_database_has_no_file(settings: Any) -> None:
    class Server:
        vendor = "postgresql"

    assert database_file.path_of(Server()) == ""  # type: ignore[arg-type]
