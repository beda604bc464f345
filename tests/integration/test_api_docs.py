"""The page of the API: contents, each task's call in two languages, and calls to be tried."""

from __future__ import annotations

import ast
import re

from django.contrib.auth.models import User
from django.test import Client

from jobs.api.operations import operations
from jobs.api.python_sample import python_sample
from jobs.catalog import exposed_tasks

PAGE = "/api/v1/docs"


def page_for(user: User) -> str:
    browser = Client()
    browser.force_login(user)
    return browser.get(PAGE).content.decode()


def test_the_header_of_each_page_leads_to_it(ada: User) -> None:
    browser = Client()
    browser.force_login(ada)
    assert f'href="{PAGE}"' in browser.get("/").content.decode()
    assert f'href="{PAGE}" aria-current="page"' in browser.get(PAGE).content.decode()


def test_the_contents_lead_to_each_task_and_call(ada: User) -> None:
    page = page_for(ada)
    contents = page.partition('id="contents"')[2].partition("</nav>")[0]
    targets = re.findall(r'href="#([^"]+)"', contents)
    assert {f"task-{task.name}" for task in exposed_tasks()} <= set(targets)
    assert {operation.id for operation in operations()} <= set(targets)
    for target in re.findall(r'href="#([^"]+)"', page):
        assert page.count(f'id="{target}"') == 1, target


def test_each_task_has_its_call_in_curl_and_in_python(ada: User) -> None:
    page = page_for(ada)
    square = page.partition('id="task-webapp.square"')[2].partition("</article>")[0]
    assert "/api/v1/tasks/webapp.square/jobs" in square
    assert "curl -H" in square
    assert "desk.post(" in square
    assert "json={&quot;n&quot;: 7}" in square


def test_every_call_is_python_as_it_stands() -> None:
    for operation in operations():
        text = python_sample(operation)
        ast.parse(text)
        assert f"desk.{operation.method}(" in text
        assert "$" not in text
    (upload,) = (one for one in operations() if one.id == "upload")
    assert 'content=Path("access.log").read_bytes()' in python_sample(upload)


def test_a_call_is_tried_with_ones_own_session_only(ada: User) -> None:
    assert "data-call=" not in Client().get(PAGE).content.decode()
    page = page_for(ada)
    assert page.count("csrfmiddlewaretoken") >= len(exposed_tasks())
    assert 'data-call="POST"' in page
    # What takes no JSON cannot be sent from a text field.
    upload = page.partition('<article class="card stack" id="upload"')[2].partition("</article>")[0]
    assert "data-call" not in upload
