"""Projects that mount, guard and configure the pages in other ways than the site here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from .maker import Project

pytestmark = pytest.mark.processes

STRICT: Final = """
APPEND_SLASH = False
USE_I18N = False
CSRF_USE_SESSIONS = True
CSRF_HEADER_NAME = "HTTP_X_SHOP_TOKEN"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
DATABASES["default"]["ATOMIC_REQUESTS"] = True
MIDDLEWARE.insert(5, "django.contrib.auth.middleware.LoginRequiredMiddleware")
STATIC_ROOT = BASE_DIR / "static-root"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    },
}
LOADERS = ["filesystem", "app_directories"]
del TEMPLATES[0]["APP_DIRS"]
TEMPLATES[0]["OPTIONS"]["loaders"] = [
    ("django.template.loaders.cached.Loader",
     [f"django.template.loaders.{name}.Loader" for name in LOADERS]),
]
"""
DESK: Final = """
from django.urls import include, path

urlpatterns = [path("desk/", include("jobs.urls"))]
"""
WALK: Final = """
import re

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from jobs.models import Token

call_command("migrate", verbosity=0)
call_command("makemigrations", check=True, dry_run=True, verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0)
user = get_user_model().objects.create_user("ada", password="long-enough-7")
stranger = Client()
poll = stranger.get("/desk/jobs/", headers={"HX-Request": "true"})
api = {"HTTP_AUTHORIZATION": f"Bearer {Token.objects.issue(user)[1]}",
       "content_type": "application/json"}
body = {"task": "shop.double", "args": {"n": 21}}
called = stranger.post("/desk/api/v1/jobs", body, **api)
browser = Client(enforce_csrf_checks=True)


def token_of(page):
    return re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page.content.decode())[1]


page = browser.get("/desk/sign-in/?next=/desk/tasks/shop.double/")
typed = {"username": "ada", "password": "long-enough-7", "csrfmiddlewaretoken": token_of(page)}
let_in = browser.post("/desk/sign-in/?next=/desk/tasks/shop.double/", typed)
form = browser.get(let_in.headers["Location"])
token = token_of(form)
sent = browser.post(
    "/desk/tasks/shop.double/",
    {"n": "21", "file": SimpleUploadedFile("a", b"a"), "csrfmiddlewaretoken": token},
)
job = browser.get(sent.headers["Location"])
without = browser.post("/desk/api/v1/jobs", body, content_type="application/json")
by_session = browser.post(
    "/desk/api/v1/jobs", body, content_type="application/json", headers={"X-CSRFToken": token}
)
cancelled = browser.post(sent.headers["Location"] + "cancel", {"csrfmiddlewaretoken": token})
found = {
    "watched": [stranger.get(f"/desk/{name}").status_code for name in ("healthz", "readyz")],
    "poll": [poll.status_code, poll.headers.get("HX-Refresh")],
    "stranger": stranger.get("/desk/").headers["Location"],
    "called": [called.status_code, called.headers["Location"].rpartition("/")[0],
               stranger.get("/desk/api/v1/jobs").status_code],
    "pages": [page.status_code, form.status_code, sent.status_code, job.status_code,
              cancelled.status_code],
    "links": sorted({one for one in re.findall(r'(?:href|action)="(/[^"]*)"', job.content.decode())
                     if not one.startswith(("/desk/", "/static/"))}),
    "static": re.findall(r'href="/static/jobs/(jobs[^"]*css)"', job.content.decode()),
    "session": [without.status_code, "csrfmiddlewaretoken" in without.json()["detail"],
                by_session.status_code],
    "docs": stranger.get("/desk/api/v1/docs").status_code,
}
"""


def test_a_strict_project_under_a_prefix(make_project: Callable[..., Project]) -> None:
    """Every guard and storage at once: LoginRequiredMiddleware, tokens of forms in the session, a
    manifest of static files, a transaction around each view, cached templates."""
    settings = 'INSTALLED_APPS.remove("django.contrib.admin")\n' + STRICT
    project = make_project(settings=settings, urls=DESK)
    found = project.python(WALK)
    assert found["watched"] == [200, 200]
    assert found["poll"] == [204, "true"]
    assert found["stranger"] == "/desk/sign-in/?next=/desk/"
    assert found["called"] == [202, "/desk/api/v1/jobs", 401]
    assert found["pages"] == [200, 200, 303, 200, 303]
    assert found["links"] == []
    assert found["static"] != ["jobs.css"]
    assert len(found["static"]) == 1
    assert found["session"] == [403, True, 202]
    assert found["docs"] == 200
    assert project.consume().count(": done") == 2


def test_addresses_in_a_language(make_project: Callable[..., Project]) -> None:
    urls = """
    from django.conf.urls.i18n import i18n_patterns
    from django.urls import include, path

    urlpatterns = i18n_patterns(path("", include("jobs.urls")))
    """
    settings = """
    INSTALLED_APPS.remove("django.contrib.admin")
    MIDDLEWARE.insert(2, "django.middleware.locale.LocaleMiddleware")
    FORCE_SCRIPT_NAME = "/under"
    """
    found = make_project(settings=settings, urls=urls).python("""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    browser = sign_in(get_user_model().objects.create_user("ada"))
    sent = browser.post("/de/tasks/shop.double/", {"n": "1"})
    page = browser.get(sent.headers["Location"].removeprefix("/under"))
    stranger = Client().get("/fr/")
    answer = browser.get(sent.headers["Location"].removeprefix("/under").replace(
        "/de/jobs/", "/fr/api/v1/jobs/").rstrip("/"))
    found = [sent.headers["Location"][:15], page.status_code, stranger.headers["Location"],
             answer.json()["links"]["html"][:15]]
    """)
    assert found == [
        "/under/de/jobs/",
        200,
        "/under/fr/sign-in/?next=/under/fr/",
        "/under/fr/jobs/",
    ]


@pytest.mark.parametrize(
    ("settings", "urls", "told"),
    [
        ("", 'path("", include(("jobs.urls", "desk"), namespace="desk"))', "jobs.E017"),
        ("", 'path("a/", include([path("b/", include(("jobs.urls", "x")))]))', "jobs.E017"),
        ('TEMPLATES[0]["APP_DIRS"] = False\n', 'path("", include("jobs.urls"))', "jobs.E018"),
        ("TEMPLATES = []\n", 'path("", include("jobs.urls"))', "jobs.E018"),
        ("", "", ""),
    ],
    ids=["namespace", "below", "no templates", "no engine", "not included"],
)
def test_pages_that_could_not_be_shown_are_reported(
    make_project: Callable[..., Project], settings: str, urls: str, told: str
) -> None:
    text = f"""
    from django.urls import include, path

    urlpatterns = [{urls}]
    """
    settings = 'INSTALLED_APPS.remove("django.contrib.admin")\n' + settings
    done = make_project(settings=settings, urls=text).manage("check")
    assert (done.returncode, told in done.stderr) == (int(bool(told)), True)


def test_another_app_labelled_jobs_is_refused_by_django(
    make_project: Callable[..., Project],
) -> None:
    files = {
        "careers/__init__.py": "",
        "careers/apps.py": """
        from django.apps import AppConfig


        class Careers(AppConfig):
            name = "careers"
            label = "jobs"
        """,
    }
    settings = 'INSTALLED_APPS.append("careers")\n'
    done = make_project(settings=settings, files=files).manage("check")
    assert "Application labels aren't unique, duplicates: jobs" in done.stderr


def test_the_data_folder_is_the_projects_wherever_a_command_is_started(
    make_project: Callable[..., Project], tmp_path: Path
) -> None:
    project = make_project(settings="JOBS = {}\n")
    project.migrate()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    told = project.manage("doctor", cwd=elsewhere).stdout
    assert f"The data folder {project.folder / 'var'} can be written" in told
    assert not list(elsewhere.iterdir())


def test_without_a_project_folder_the_data_folder_must_be_named(
    make_project: Callable[..., Project], tmp_path: Path
) -> None:
    project = make_project(settings="del BASE_DIR\nJOBS = {}\n")
    done = project.manage("check")
    assert done.returncode == 1
    assert "(jobs.E010) JOBS['DATA_DIR'] must be an absolute path, not 'var'" in done.stderr
