"""Projects without some of Django's own apps, middleware and context processors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from .maker import Project, submit_and_read

pytestmark = pytest.mark.processes

URLS: Final = """
from django.urls import include, path

urlpatterns = [path("", include("jobs.urls"))]
"""
ADA: Final = 'user = get_user_model().objects.create_user("ada", password="pw")'
NO_ADMIN: Final = 'INSTALLED_APPS.remove("django.contrib.admin")\n'
NO_MESSAGES: Final = """
INSTALLED_APPS.remove("django.contrib.messages")
MIDDLEWARE.remove("django.contrib.messages.middleware.MessageMiddleware")
TEMPLATES[0]["OPTIONS"]["context_processors"].pop()
"""


@pytest.mark.parametrize(
    "settings",
    [
        NO_ADMIN,
        NO_ADMIN + NO_MESSAGES,
        NO_ADMIN + 'INSTALLED_APPS.remove("django.contrib.staticfiles")',
        NO_ADMIN + 'del TEMPLATES[0]["OPTIONS"]',
        # A project's own templates may be Jinja2's, and come first.
        NO_ADMIN + 'TEMPLATES.insert(0, {"BACKEND": "shop.engine.Jinja2", "APP_DIRS": True,'
        ' "DIRS": [], "OPTIONS": {}})',
    ],
    ids=["admin", "messages", "staticfiles", "context processors", "Django's templates first"],
)
def test_a_project_without_it_works(make_project: Callable[..., Project], settings: str) -> None:
    # Stands in for Django's backend of Jinja2, which needs a package; it has no template of ours.
    engine = """
    from django.template.backends.dummy import TemplateStrings


    class Jinja2(TemplateStrings):
        app_dirname = "jinja2"
    """
    project = make_project(settings=settings, urls=URLS, files={"shop/engine.py": engine})
    submit_and_read(project, ADA)


def test_a_project_without_sessions_has_the_api_and_is_told(
    make_project: Callable[..., Project],
) -> None:
    settings = """
    APPS = ["admin", "sessions", "messages", "staticfiles"]
    INSTALLED_APPS = [app for app in INSTALLED_APPS if app.split(".")[-1] not in APPS]
    MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    """
    project = make_project(settings=settings, urls=URLS)
    told = project.manage("migrate", "--verbosity=0").stderr
    assert "jobs.W013" in told
    assert "django.contrib.auth.middleware.AuthenticationMiddleware" in told
    code = """
    from jobs.models import Token

    token = Token.objects.issue(get_user_model().objects.create_user("ada"))[1]
    api = {"HTTP_AUTHORIZATION": f"Bearer {token}", "content_type": "application/json"}
    sent = Client().post("/api/v1/jobs", {"task": "shop.double", "args": {"n": 21}}, **api)
    try:
        Client().get("/")
        said = ""
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    found = [sent.status_code, Client().get("/api/v1/jobs").status_code, said]
    """
    sent, refused, said = project.python(code)
    assert (sent, refused) == (202, 401)
    assert said.startswith("ImproperlyConfigured: Jobdesk's pages are for people who have signed")
