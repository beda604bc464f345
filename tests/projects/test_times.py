"""Projects with other settings of time than the site of this repository."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from .databases import new_postgres_database
from .maker import Project

pytestmark = pytest.mark.processes

SUBMIT: Final = """
from django.core.management import call_command
from django.utils import timezone
from jobs.catalog import get_task
from jobs.models import Token

call_command("migrate", verbosity=0)
call_command("check", fail_level="ERROR")
user = get_user_model().objects.create_superuser("ada")
browser = sign_in(user)
api = {"HTTP_AUTHORIZATION": f"Bearer {Token.objects.issue(user)[1]}",
       "content_type": "application/json"}
now = datetime.now(UTC)
soon = now + timedelta(seconds=1)
double, again = get_task("shop.double"), get_task("shop.second_time")


def post(when):
    body = {"task": "shop.double", "args": {"n": 1}, "run_after": when.isoformat()}
    answer = Client().post("/api/v1/jobs", body, **api)
    assert answer.status_code == 202, answer.content
    return answer.json()


later = now + timedelta(days=1)
form = browser.post(
    "/tasks/shop.double/", {"n": "1", "option-run_after": later.isoformat()[:19]}
)
found = {
    "retried": again.enqueue().id,
    "delayed": double.using(run_after=timezone.now() + timedelta(seconds=1)).enqueue(n=21).id,
    "aware": double.using(run_after=soon).enqueue(n=21).id,
    "soon": post(soon)["id"],
    "later": post(later),
    "form": form.headers["Location"],
    "now": now,
    "authorization": api["HTTP_AUTHORIZATION"],
}
"""
READ: Final = """
from io import StringIO

from django.core.management import CommandError, call_command
from django.utils import timezone
from jobs import lifecycle
from jobs.core.times import local
from jobs.models import Job

user = get_user_model().objects.get()
browser = sign_in(user)
authorization = {authorization!r}
jobs = Client().get("/api/v1/jobs", HTTP_AUTHORIZATION=authorization).json()["items"]
done = Job.objects.filter(status="succeeded")
pages = ["/", "/jobs/", {form!r}, *(f"/jobs/{{job.pk}}/" for job in done),
         "/jobs/{retried}/?tab=log", "/jobs/{retried}/?tab=attempts"]
admin = ["", "jobs/job/", "jobs/job/{retried}/change/", "jobs/job/dashboard/", "jobs/queue/",
         "jobs/job/?since=hour", "jobs/token/"]
log = browser.get("/jobs/{retried}/log.txt").getvalue().decode()
row = done.first()
said = StringIO()
call_command("submit", "shop.double", "n=1", run_after="2999-01-31T09:00", stdout=said)
call_command("prune", stdout=said)
submitted = Job.objects.get(pk=said.getvalue().split()[0]).run_after
try:
    call_command("doctor", stdout=said)
except CommandError:
    said.write("no consumer runs any more")
chart = browser.get("/admin/jobs/job/dashboard/").content.decode()
found = {{
    "pages": {{browser.get(one).status_code for one in pages}} == {{200}},
    "admin": {{browser.get(f"/admin/{{one}}").status_code for one in admin}} == {{200}},
    "times": list({{browser.get({form!r}).content.decode()}}),
    "jobs": {{job["id"]: job for job in jobs}},
    "chart": chart.count("<li>") and "{{}} jobs finished".format(done.count()) in chart,
    "lately": "shop.double" in browser.get("/admin/jobs/job/?since=hour").content.decode(),
    "log": log,
    "submitted": f"{{local(submitted):%Y-%m-%dT%H:%M}}",
    "said": said.getvalue(),
    "is_past": row.finished_at <= timezone.now(),
    "due": lifecycle.next_due() > timezone.now(),
    "waiting": [Client().get("/api/v1/queues", HTTP_AUTHORIZATION=authorization).status_code,
                Client().get("/metrics", HTTP_AUTHORIZATION=authorization).status_code],
}}
"""


def require_right_times(project: Project) -> None:
    """Run delayed and retried jobs, and compare every time that is shown with the true one."""
    sent = project.python(SUBMIT)
    began = datetime.fromisoformat(sent["now"])
    project.consume_until(": done", times=4)
    ended = datetime.now(UTC)
    read = project.python(READ.format(**sent))
    assert read["pages"]
    assert read["admin"]
    assert read["lately"]
    assert read["is_past"]
    assert read["due"]
    assert read["submitted"] == "2999-01-31T09:00"
    assert "every table" in read["said"]
    assert "no consumer runs any more" in read["said"]
    assert read["waiting"] == [200, 200]
    for name in ("retried", "delayed", "aware", "soon"):
        job = read["jobs"][sent[name]]
        assert job["status"] == "succeeded"
        for key in ("created_at", "started_at", "finished_at"):
            assert job[key].endswith("Z")
            slack = timedelta(seconds=1)
            assert began - slack <= datetime.fromisoformat(job[key]) <= ended + slack, (key, job)
    for name in ("delayed", "aware", "soon"):
        job = read["jobs"][sent[name]]
        assert began + timedelta(seconds=1) <= datetime.fromisoformat(job["started_at"])
    tomorrow = began + timedelta(days=1)
    assert datetime.fromisoformat(sent["later"]["run_after"]) == tomorrow
    by_form = read["jobs"][sent["form"].split("/")[2]]
    assert datetime.fromisoformat(by_form["run_after"]) == tomorrow.replace(microsecond=0)
    assert f'datetime="{tomorrow:%Y-%m-%dT%H:%M:%S}' in read["times"][0]
    assert len(re.findall(r"^\d\d:\d\d:\d\d trying$", read["log"], flags=re.MULTILINE)) == 2


NEW_YORK: Final = 'USE_TZ = False\nTIME_ZONE = "America/New_York"\n'
OTHERS: Final = """
USE_TZ = True
TIME_ZONE = "Asia/Tokyo"
DATABASES["default"]["TIME_ZONE"] = "Asia/Kolkata"
"""


@pytest.mark.parametrize("settings", [NEW_YORK, OTHERS], ids=["USE_TZ=False", "zones"])
def test_times_on_sqlite(make_project: Callable[..., Project], settings: str) -> None:
    require_right_times(make_project(settings=settings))


@pytest.fixture
def postgres() -> Iterator[dict[str, Any]]:
    """A new database, as Django's settings name it."""
    with new_postgres_database() as found:
        yield found


@pytest.mark.postgres
@pytest.mark.parametrize("settings", [NEW_YORK, OTHERS], ids=["USE_TZ=False", "zones"])
def test_times_on_postgres(
    make_project: Callable[..., Project], settings: str, postgres: dict[str, Any]
) -> None:
    require_right_times(make_project(settings=f'DATABASES["default"] = {postgres!r}\n{settings}'))
