"""Projects whose jobs have a database of their own, or one that cannot hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from .databases import new_postgres_database
from .maker import Project

pytestmark = pytest.mark.processes

ROUTER: Final = """
class Router:
    \"\"\"As in Django's documentation: jobs in one database, all else in the usual one.\"\"\"

    def db_for_read(self, model, **hints):
        return "work" if model._meta.app_label == "jobs" else None

    db_for_write = db_for_read

    def allow_relation(self, one, other, **hints):
        return None

    def allow_migrate(self, db, app_label, **hints):
        return (db == "work") == (app_label == "jobs")
"""
SETTINGS: Final = """
DATABASES["work"] = {work}
DATABASE_ROUTERS = ["shop.router.Router"]
"""
SQLITE: Final = '{**DATABASES["default"], "NAME": BASE_DIR / "work.sqlite3"}'
SUBMIT: Final = """
from django.core.management import call_command
from django.db import transaction
from jobs.catalog import get_task
from jobs.models import Job, Token, Upload

call_command("migrate", verbosity=0)
call_command("migrate", "jobs", verbosity=0, database="work")
call_command("check", fail_level="ERROR", databases=["default", "work"])
call_command("makemigrations", check=True, dry_run=True, verbosity=0)
user = get_user_model().objects.create_superuser("ada")
other = get_user_model().objects.create_user("bob")
browser = sign_in(user)
token = Token.objects.issue(other)[1]
api = {"HTTP_AUTHORIZATION": f"Bearer {token}", "content_type": "application/json"}
form = browser.post("/tasks/shop.double/", {"n": "21"})
called = Client().post("/api/v1/jobs", {"task": "shop.double", "args": {"n": 1}}, **api)
seen = Client().get(called.headers["Location"], **api)
known = {"If-None-Match": seen.headers["ETag"]}
polled = Client().get(called.headers["Location"], headers=known, **api)
from django.core.files.uploadedfile import SimpleUploadedFile
with_file = browser.post("/tasks/shop.size/", {"file": SimpleUploadedFile("a.txt", b"abc")})
double = get_task("shop.double")
with transaction.atomic():
    inside = double.enqueue(n=1).id
many = double.enqueue_many([{"n": n} for n in range(5)])
admin = browser.post("/admin/jobs/token/add/", {"name": "mine"})
found = {
    "form": form.headers.get("Location"),
    "called": [called.status_code, polled.status_code],
    "api": called.headers["Location"],
    "authorization": api["HTTP_AUTHORIZATION"],
    "with file": with_file.status_code,
    "admin": [admin.status_code, Token.objects.get(name="mine").user_id == user.pk],
}
"""
READ: Final = """
from jobs.models import Job, Token, Upload

user = get_user_model().objects.get(username="ada")
browser = sign_in(user)
pages = ["/", "/jobs/", "/jobs/?who=all", {form!r}, "/admin/", "/admin/jobs/job/",
         "/admin/jobs/token/", "/admin/jobs/upload/", "/admin/jobs/queue/",
         "/admin/jobs/job/dashboard/",
         *(f"/admin/jobs/job/{{job.pk}}/change/" for job in Job.objects.all()[:2])]
authorization = {authorization!r}
before = Client().get({api!r}, HTTP_AUTHORIZATION=authorization)
retried = browser.post("/admin/jobs/job/", {{"action": "retry_jobs", "_selected_action": [
    str(Job.objects.filter(owner_id=user.pk).first().pk)]}})
listed = browser.get("/jobs/?who=all").content.decode()
found = {{
    "pages": {{one: browser.get(one).status_code for one in pages}},
    "done": Job.objects.filter(status="succeeded").count(),
    "result": before.json()["result"],
    "names": "ada" in listed and "bob" in listed,
    "retried": retried.status_code,
}}
get_user_model().objects.filter(username="bob").delete()
browser.post("/admin/auth/user/{{}}/delete/".format(user.pk), {{"post": "yes"}})
found["owners"] = sum(
    model.objects.exclude(owner=None).count() for model in (Job, Upload)
)
found["tokens"] = Token.objects.count()
found["after"] = Client().get({api!r}, HTTP_AUTHORIZATION=authorization).status_code
found["users"] = get_user_model().objects.count()
"""
SIZE: Final = """

from jobs import InputFile


@job
def size(file: InputFile) -> int:
    return file.size
"""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def work(request: pytest.FixtureRequest) -> Iterator[str]:
    """The settings of the jobs' own database, as code."""
    if request.param == "sqlite":
        yield SQLITE
        return
    with new_postgres_database() as found:
        yield repr(found)


def test_jobs_have_a_database_of_their_own(make_project: Callable[..., Project], work: str) -> None:
    settings = SETTINGS.format(work=work)
    project = make_project(settings=settings, tasks=SIZE, files={"shop/router.py": ROUTER})
    sent = project.python(SUBMIT)
    assert sent["called"] == [202, 304]
    assert sent["with file"] == 303
    assert sent["admin"] == [200, True]
    assert project.consume().count(": done") == 9
    assert "every table" in project.manage("doctor").stdout
    read = project.python(READ.format(**sent))
    assert set(read["pages"].values()) == {200}, read["pages"]
    assert read["done"] == 9
    assert read["result"] == 2
    assert read["names"]
    # A user's deletion reaches the other database: jobs stay, tokens do not.
    assert (read["owners"], read["tokens"], read["after"], read["users"]) == (0, 0, 401, 0)


@pytest.mark.parametrize(
    ("router", "told"),
    [
        (
            ROUTER.replace('"work" if', 'model.__name__ == "Job" and "work" if'),
            "jobs.E015",
        ),
        (ROUTER.replace('== (app_label == "jobs")', '!= (app_label == "jobs")'), "jobs.E016"),
        (
            ROUTER.replace("db_for_write = db_for_read", "")
            + "\n    def db_for_write(self, model, **hints):\n        return 'default'\n"
            + "\n    def allow_migrate(self, *_, **__):\n        return True\n",
            "jobs.W014",
        ),
    ],
    ids=["torn", "no tables", "replica"],
)
def test_a_router_that_cannot_be_meant_is_reported(
    make_project: Callable[..., Project], router: str, told: str
) -> None:
    settings = SETTINGS.format(work=SQLITE)
    project = make_project(settings=settings, files={"shop/router.py": router})
    assert told in project.manage("check").stderr


# Django's own backend for MySQL needs a driver; these are as much of it as the checks look at.
MYSQL: Final = """
from django.db.backends.sqlite3.base import DatabaseWrapper as Sqlite


class DatabaseWrapper(Sqlite):
    vendor = "mysql"
    display_name = "MySQL"
"""
WRAPPED: Final = """
from django.db.backends.sqlite3.base import DatabaseWrapper
"""
ENGINE: Final = 'DATABASES["default"]["ENGINE"] = "shop.engine"\n'


def test_a_database_that_is_not_supported_is_an_error_before_any_table(
    make_project: Callable[..., Project],
) -> None:
    files = {"shop/engine/__init__.py": "", "shop/engine/base.py": MYSQL}
    project = make_project(settings=ENGINE, files=files)
    for command in ("check", "migrate", "runconsumers"):
        done = project.manage(command)
        assert done.returncode == 1
        assert "(jobs.E012) Jobdesk does not work on MySQL" in done.stderr
        assert "SQLite (3.35 or later) and PostgreSQL" in done.stderr
    assert not project.python(
        "from django.db import connection\nfound = connection.introspection.table_names()"
    )


def test_a_wrapper_around_a_supported_database_is_one(
    make_project: Callable[..., Project],
) -> None:
    """As those of GIS and of monitoring: what counts is the vendor, not the engine's name."""
    files = {"shop/engine/__init__.py": "", "shop/engine/base.py": WRAPPED}
    options = 'DATABASES["default"]["OPTIONS"] = {}\n'
    project = make_project(settings=ENGINE + options, files=files)
    done = project.manage("check")
    assert done.returncode == 0
    assert "jobs.W011" in done.stderr


LASTING: Final = """
from django.db import DatabaseError
from jobs.catalog import get_task

{user}
{before}
token = {token}
api = {{"HTTP_AUTHORIZATION": f"Bearer {{token}}", "content_type": "application/json"}}
browser = sign_in(user)
browser.raise_request_exception = False
said = ""
try:
    get_task("shop.double").enqueue(n=1)
except DatabaseError as error:
    said = str(error)
asked = {{"task": "shop.double", "args": {{"n": 1}}}}
sent = Client(raise_request_exception=False).post("/api/v1/jobs", asked, **api)
ready = Client().get("/readyz")
found = {{
    "said": said,
    "api": [sent.status_code, sent.headers.get("Retry-After"), sent.content.decode()],
    "page": browser.post("/tasks/shop.double/", {{"n": "1"}}).status_code,
    "list": browser.get("/jobs/").status_code,
    "ready": [ready.status_code, ready.headers.get("Retry-After"), ready.json()["detail"]],
}}
"""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def default_settings(request: pytest.FixtureRequest) -> Iterator[str]:
    """The settings of the usual database, as code."""
    if request.param == "sqlite":
        yield ""
        return
    with new_postgres_database() as found:
        yield f'DATABASES["default"] = {found!r}\n'


def test_a_lasting_fault_is_not_called_temporary(
    make_project: Callable[..., Project], default_settings: str
) -> None:
    project = make_project(settings=default_settings)
    project.migrate()
    found: dict[str, Any] = project.python(
        LASTING.format(
            user='user = get_user_model().objects.create_user("ada")',
            before="from django.db import connection\n"
            "from jobs.models import Token\nissued = Token.objects.issue(user)[1]\n"
            "for table in ('jobs_job', 'jobs_queue'):\n"
            "    with connection.cursor() as cursor:\n"
            "        cursor.execute(f'ALTER TABLE {table} RENAME TO {table}_away')",
            token="issued",
        )
    )
    assert "jobs_job" in found["said"]
    assert "again" not in found["said"]
    status, retry_after, body = found["api"]
    assert (status, retry_after) == (500, None)
    assert "jobs_job" not in body
    assert (found["page"], found["list"]) == (500, 500)
    assert found["ready"][:2] == [503, None]
    assert "manage.py doctor" in found["ready"][2]
