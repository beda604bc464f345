"""A project as the README has it, up to its first result; and where one signs in."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from django.core.management import call_command

from tests.subprocesses import ROOT

from .maker import Project

pytestmark = pytest.mark.processes

FROM_SIGN_IN_TO_FORM: Final = """
import re

from django.core.management import call_command

call_command("migrate", verbosity=0)  # which runs the checks
get_user_model().objects.create_user("ada", password="long-enough-7")
browser = Client(SERVER_NAME="localhost")
sent_away = browser.get("/tasks/shop.double/")
page = browser.get(sent_away.headers["Location"])
typed = {"username": "ada", "password": "wrong", "next": "/tasks/shop.double/"}
refused = browser.post(sent_away.headers["Location"], typed)
let_in = browser.post(sent_away.headers["Location"], typed | {"password": "long-enough-7"})
form = browser.get(let_in.headers["Location"])
sent = browser.post("/tasks/shop.double/", {"n": "21"})
out = re.search(r'action="([^"]*out/)"', form.content.decode())
found = {
    "sent away": sent_away.headers["Location"],
    "refused": [refused.status_code, "do not go together" in refused.content.decode()],
    "seen": [page.status_code, let_in.headers["Location"], form.status_code],
    "job": sent.headers["Location"],
    "out": out and out[1],
    "session": browser.cookies["sessionid"].value,
}
"""
SEE_RESULT: Final = """
browser = Client(SERVER_NAME="localhost")
browser.cookies["sessionid"] = {session!r}
page = browser.get({job!r}).content.decode()
left = browser.post({out!r})
found = ["42" in page, left.status_code, browser.get(left.headers["Location"]).headers["Location"]]
"""


def readme_project(folder: Path) -> Project:
    """Return what ``startproject`` makes, changed as the README says."""
    project = Project(folder)
    made_by_django = folder / "made" / "shop"
    made_by_django.parent.mkdir()
    call_command("startproject", "shop", str(made_by_django.parent))
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(INSTALLED_APPS.*?)```", text, flags=re.DOTALL)
    (urls,) = re.findall(
        r"```python\n(from django.urls import include.*?)```", text, flags=re.DOTALL
    )
    # "carried" has the templates that the wheel has.
    apps = ["carried", "shop"]
    added = f"{block}\nINSTALLED_APPS += {apps}\n"
    for name, more in (
        ("settings.py", added),
        ("urls.py", urls),
    ):
        project.write(f"shop/{name}", (made_by_django / name).read_text(encoding="utf-8") + more)
    return project


def test_a_stranger_comes_from_the_readme_to_a_result(tmp_path: Path) -> None:
    project = readme_project(tmp_path / "site")
    found = project.python(FROM_SIGN_IN_TO_FORM)
    assert found["sent away"] == "/sign-in/?next=/tasks/shop.double/"
    assert found["seen"] == [200, "/tasks/shop.double/", 200]
    assert found["refused"] == [200, True]
    project.consume()
    names = ("job", "out", "session")
    seen = project.python(SEE_RESULT.format(**{name: found[name] for name in names}))
    assert found["out"] == "/sign-out/"
    assert seen == [True, 302, "/sign-in/?next=/"]


LOOK: Final = """
browser = Client(SERVER_NAME="localhost")
away = browser.get("/jobs/")
found = [away.headers["Location"], Client().get("/sign-in/").headers.get("Location")]
"""


@pytest.mark.parametrize(
    ("settings", "urls", "expected"),
    [
        ('LOGIN_URL = "https://id.example.com/?app=1"', "", "https://id.example.com/?app=1"),
        ('LOGIN_URL = "admin:login"', "", "/admin/login/"),
        ("", 'path("accounts/", include("django.contrib.auth.urls")), ', "/accounts/login/"),
        # A CMS takes any address; that is no page to sign in on.
        ("", 're_path("^((?:[a-z]+/)*)$", lambda request, path: None), ', None),
    ],
    ids=["elsewhere", "by name", "Django's", "a catch-all"],
)
def test_the_projects_own_page_comes_first(
    make_project: Callable[..., Project], settings: str, urls: str, expected: str | None
) -> None:
    """Ours is not shown beside it: theirs may ask for more than a password."""
    text = f"""
    from django.contrib import admin
    from django.urls import include, path, re_path

    urlpatterns = [path("admin/", admin.site.urls), path("", include("jobs.urls")), {urls}]
    """
    found = make_project(settings=settings, urls=text).python(LOOK)
    if expected is None:
        assert found == ["/sign-in/?next=/jobs/", None]
    else:
        joint = "&" if "?" in expected else "?"
        assert found == [f"{expected}{joint}next=/jobs/", expected]
