"""What the site says when a page cannot be shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.views.defaults import bad_request, permission_denied, server_error

from jobs.web.views import home
from tests.integration.page_tasks import PLAIN


def heading(html: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", html)
    assert found is not None, html
    return found[1]


@pytest.mark.parametrize("signed_in", [True, False])
def test_an_unknown_address_is_a_404_page(page: Client, signed_in: bool) -> None:
    answer = (page if signed_in else Client()).get("/no/such/page")
    assert answer.status_code == 404
    assert heading(answer.content.decode()) == "There is no such page"


def test_an_expired_form_is_a_403_page(ada: User, page_tasks: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    answer = strict.post(f"/tasks/{PLAIN}/", {"text": "x"})
    assert answer.status_code == 403
    assert heading(answer.content.decode()) == "This form has expired"


def test_an_exception_is_a_500_page(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(home, "exposed_tasks", broken)
    page.raise_request_exception = False
    answer = page.get("/")
    assert answer.status_code == 500
    html = answer.content.decode()
    assert heading(html) == "Something went wrong here"
    assert "broken" not in html


def test_the_other_error_pages_have_the_same_frame(rf: Any, ada: User) -> None:
    request = rf.get("/")
    request.user = ada
    for view, error in ((bad_request, ValueError()), (permission_denied, PermissionError())):
        assert "All tasks" in view(request, error).content.decode()
    # The last resort needs nothing of the request: it may be what is broken.
    assert server_error(request).status_code == 500


def test_the_wheel_contains_only_the_templates_of_the_app(project_root: Path) -> None:
    ours = {path.name for path in (project_root / "templates" / "jobs").iterdir()}
    assert "base.html" in ours
    assert not ours & {"404.html", "500.html"}
