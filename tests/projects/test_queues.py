"""Projects with other queues and backends than one backend with a list of names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final

import pytest

from tests.subprocesses import RunningProcess

from .maker import Project

pytestmark = pytest.mark.processes

ANY: Final = 'TASKS["default"]["QUEUES"] = []\n'
SUBMIT: Final = """
from django.core.management import call_command
from jobs.catalog import get_task
from jobs.models import Job, Token

call_command("migrate", verbosity=0)
user = get_user_model().objects.create_superuser("ada")
api = {"HTTP_AUTHORIZATION": f"Bearer {Token.objects.issue(user)[1]}",
       "content_type": "application/json"}


def post(queue):
    body = {"task": "shop.double", "args": {"n": 1}, "queue": queue}
    return Client().post("/api/v1/jobs", body, **api).status_code


double = get_task("shop.double")
double.enqueue(n=1)
double.using(queue_name="nightly").enqueue(n=1)
double.using(queue_name="later", run_after=datetime.now(UTC) - timedelta(1)).enqueue(n=1)
found = [post("reports"), post("a,b"), post("x" * 101)]
"""
DONE: Final = """
from jobs.models import Job

found = sorted(Job.objects.filter(status="succeeded").values_list("queue", flat=True))
"""


def test_any_name_is_a_queue_where_none_is_listed(make_project: Callable[..., Project]) -> None:
    project = make_project(
        settings=ANY, tasks='\n\n@job(queue="files")\ndef nothing():\n    pass\n'
    )
    assert project.python(SUBMIT) == [202, 422, 422]
    advice = project.manage("doctor").stdout
    for queue in ("default", "later", "nightly", "reports"):
        assert f"runconsumers --queues {queue}" in advice
    # The advice works.
    only = project.manage("runconsumers", "--queues", "later,reports", "--until-idle")
    assert only.returncode == 0
    assert project.python(DONE) == ["later", "reports"]
    logged = project.consume()
    assert "ready: default, files, 8 slots" in logged
    assert project.python(DONE) == ["default", "later", "nightly", "reports"]


def test_a_queue_that_is_new_is_served_by_a_consumer_that_runs(
    make_project: Callable[..., Project],
) -> None:
    """Also by the children of --processes."""
    project = make_project(settings=ANY)
    project.migrate()
    command = [sys.executable, str(project.folder / "manage.py"), "runconsumers"]
    running = RunningProcess(
        [*command, "--processes", "2"], env=project.environment(), cwd=project.folder
    )
    try:
        running.wait_for("ready: default", times=2, timeout=30.0)
        more = """
        from jobs.catalog import get_task

        task = get_task("shop.double").using(queue_name="fresh")
        found = [task.enqueue(n=1).id for _ in range(3)]
        """
        project.python(more)
        running.wait_for(": done", times=3, timeout=30.0)
        project.python(more)
        running.wait_for(": done", times=6, timeout=30.0)
        served = """
        from jobs.models import Consumer

        found = sorted({name for one in Consumer.objects.all() for name in one.queues})
        """
        assert project.python(served) == ["default", "fresh"]
        running.interrupt()
        assert running.wait() == 0
    finally:
        running.end()


def test_backends_under_other_names(make_project: Callable[..., Project]) -> None:
    settings = """
    OURS = "jobs.backend.JobsBackend"
    TASKS = {
        "default": {"BACKEND": "shop.at_once.Backend"},
        "work": {"BACKEND": OURS, "QUEUES": ("one", "two")},
        "more": {"BACKEND": OURS, "QUEUES": {"three"}},
        "usual": {"BACKEND": OURS},
    }
    """
    tasks = """

    @job(backend="work", queue="two")
    def second(n: int) -> int:
        return n


    @job(backend="more", queue="three")
    def third(n: int) -> int:
        return n


    @job(backend="usual")
    def usual(n: int) -> int:
        return n
    """
    at_once = """
    from jobs.compat import task_backends  # whichever framework this Django has

    if __import__("django").VERSION >= (6, 0):
        from django.tasks.backends.immediate import ImmediateBackend as Backend
    else:
        from django_tasks.backends.immediate import ImmediateBackend as Backend
    """
    project = make_project(settings=settings, tasks=tasks, files={"shop/at_once.py": at_once})
    told = project.manage("check").stderr
    # double and second_time say nothing, so they go to "default", which runs them at once.
    assert told.count("jobs.W002") == 2
    assert "shop.tasks.double uses the backend 'default', which is not Jobdesk's" in told
    project.migrate()
    sent = project.python("""
    from jobs.catalog import get_task

    for name in ("second", "third", "usual"):
        get_task(f"shop.{name}").enqueue(n=1)
    found = True
    """)
    assert sent
    assert "ready: default, one, three, two, 8 slots" in project.consume()
    assert project.python(DONE) == ["default", "three", "two"]


def test_a_project_without_tasks_setting_is_told(make_project: Callable[..., Project]) -> None:
    done = make_project(settings="del TASKS\n").manage("check")
    assert done.returncode == 1
    assert "(jobs.E014) TASKS is not set" in done.stderr
    assert "jobs.backend.JobsBackend" in done.stderr
