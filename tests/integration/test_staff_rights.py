"""Staff rights: in the API and on the pages as the admin has them, and each use is recorded."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from jobs.core.rights import CHANGE_JOBS, VIEW_JOBS, Rarely, has_right
from jobs.core.states import Status
from jobs.models import Job, Token
from tests.factories import (
    end,
    make_artifact,
    make_job,
    make_staff,
    make_upload,
    make_user,
    record,
    take_one,
)
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD, READ

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api")]

WHO = {
    "nobody special": lambda: make_user("eve"),
    "permissions, not staff": lambda: _with(make_user("eve"), "view_job", "change_job"),
    "staff, no permission": lambda: make_staff("eve"),
    "viewer": lambda: make_staff("eve", "view_job"),
    "operator": lambda: make_staff("eve", "change_job"),
    "by group": lambda: _in_group(make_staff("eve"), "change_job"),
    "superuser": lambda: User.objects.create_superuser("eve"),
}
SEES = {"viewer", "operator", "by group", "superuser"}
CHANGES = SEES - {"viewer"}


def _with(user: User, *codenames: str) -> User:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return user


def _in_group(user: User, codename: str) -> User:
    group = Group.objects.create(name="operators")
    group.permissions.add(Permission.objects.get(codename=codename))
    user.groups.add(group)
    return user


@pytest.fixture
def audited(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The lines of the log of staff rights."""
    caplog.set_level(logging.INFO, "jobs.audit")
    return lambda: [one.getMessage() for one in caplog.records if one.name == "jobs.audit"]


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def status_of(client: Client, path: str) -> int:
    response = client.get(path)
    if response.streaming:
        b"".join(response)  # closes its file
    return int(response.status_code)


@pytest.mark.parametrize("kind", WHO)
class TestWhoMayWhat:
    """The same for a token and a session, in the API and on the pages."""

    def test_seeing_somebody_elses_job(self, kind: str, ada: User) -> None:
        user = WHO[kind]()
        job = make_job(owner=ada, status=Status.SUCCEEDED)
        make_artifact(job, "a.txt")
        status = 200 if kind in SEES else 404
        api, browser = Api(user), browser_of(user)
        paths = [f"{JOBS}/{job.pk}{end}" for end in ("", "/log", "/artifacts/a.txt")]
        below = ("", "live", "log.txt", "files/a.txt", "result")
        pages = [f"/jobs/{job.pk}/{end}" for end in below]
        assert {status_of(api.client, path) for path in paths} == {status}
        assert {status_of(browser, path) for path in [*paths, *pages]} == {status}
        known = {"If-None-Match": job.etag}
        polled = api.get(f"{JOBS}/{job.pk}", headers=known).status_code
        assert polled == (304 if kind in SEES else 404)

    def test_seeing_everybodys(self, kind: str, ada: User) -> None:
        user = WHO[kind]()
        job = record(owner=ada)
        end(take_one())
        api, browser = Api(user), browser_of(user)
        shown = [str(job.pk)] if kind in SEES else []
        for path in (JOBS, "/api/v1/results"):
            assert [one["id"] for one in api.get(path).json()["items"]] == shown
        html = browser.get("/jobs/?who=all").content.decode()
        assert (str(job.pk) in html) is bool(shown)
        assert ("everyone's" in html) is bool(shown)
        rows = browser.get(f"/jobs/rows?who=all&id={job.pk}").content.decode()
        assert (str(job.pk) in rows) is bool(shown)
        assert browser.get("/metrics").status_code == (200 if kind in SEES else 403)

    @pytest.mark.parametrize("by", ["token", "session", "page", "bulk"])
    @pytest.mark.parametrize("action", ["cancel", "retry"])
    def test_changing_somebody_elses_job(self, kind: str, action: str, by: str, ada: User) -> None:
        user = WHO[kind]()
        before = Status.QUEUED if action == "cancel" else Status.FAILED
        job = make_job(owner=ada, task=ADD, kwargs={"n": 1}, status=before)
        browser = browser_of(user)
        if by == "token":
            response = Api(user).post(f"{JOBS}/{job.pk}/{action}")
        elif by == "session":
            response = browser.post(f"{JOBS}/{job.pk}/{action}")
        elif by == "page":
            response = browser.post(f"/jobs/{job.pk}/{action}")
        else:
            response = browser.post("/jobs/bulk", {"do": action, "job": [str(job.pk)]})
        job.refresh_from_db()
        assert (job.status != before) is (kind in CHANGES)
        if by in {"token", "session"}:
            refused = 403 if kind in SEES else 404
            assert (response.status_code == refused) is (kind not in CHANGES)
        if kind == "viewer" and by == "token":
            assert "jobs.change_job" in response.json()["detail"]

    def test_the_page_offers_what_one_may(self, kind: str, ada: User) -> None:
        user = WHO[kind]()
        theirs, own = make_job(owner=ada), make_job(owner=user)
        browser = browser_of(user)
        html = browser.get(f"/jobs/{theirs.pk}/").content.decode()
        assert ('id="do-cancel"' in html) is (kind in CHANGES)
        assert 'id="do-cancel"' in browser.get(f"/jobs/{own.pk}/").content.decode()

    def test_a_higher_priority_and_more_attempts(self, kind: str) -> None:
        api = Api(WHO[kind]())
        raised = api.submit(ADD, args={"n": 1}, priority=50, max_attempts=9)
        assert raised.status_code == (202 if kind in CHANGES else 422)

    def test_the_limits_of_a_user(self, kind: str, jobs_setting: Any) -> None:
        jobs_setting(USER_MAX_UNFINISHED=1, USER_MAX_UNCLAIMED=3)
        api = Api(WHO[kind]())
        told = [api.submit(ADD, args={"n": n}).status_code for n in (1, 2)]
        assert told == [202, 202 if kind in CHANGES else 429]
        sent = api.send("post", "/api/v1/uploads", b"data", content_type="text/plain")
        assert sent.status_code == (201 if kind in CHANGES else 429)


@pytest.mark.parametrize(("right", "status"), [("view_job", 422), ("view_upload", 202)])
def test_somebody_elses_upload_takes_the_right_to_see_uploads(
    right: str, status: int, bob: User, audited: Any
) -> None:
    upload = make_upload(bob)
    api = Api(make_staff("eve", right))
    found = api.submit(READ, args={"log": {"upload": str(upload.pk)}})
    assert found.status_code == status
    used = [line for line in audited() if "did=use" in line]
    by = f'user="eve" by=token:{Token.objects.latest("id").pk} upload={upload.pk} owner={bob.pk}'
    expected = [f"right=jobs.view_upload did=use {by}"]
    assert used == (expected if status == 202 else [])


def test_users_without_a_right_cost_no_look_at_permissions(
    ada: User, django_assert_num_queries: Any
) -> None:
    for user in (ada, User.objects.create_superuser("root")):
        client = Api(user)
        with django_assert_num_queries(2):  # the token, the jobs
            client.get(JOBS)
    viewer = Api(make_staff("eve", "view_job"))
    with django_assert_num_queries(4):  # their permissions, and their groups'
        viewer.get(JOBS)


def test_a_right_ends_with_the_user() -> None:
    chief = make_staff("eve", "view_job")
    assert has_right(chief, VIEW_JOBS)
    chief.is_active = False
    assert not has_right(chief, VIEW_JOBS)
    root = User.objects.create_superuser("root")
    root.is_active = False
    assert not has_right(root, CHANGE_JOBS)
    assert not has_right(None, VIEW_JOBS)


class TestAudit:
    def test_a_change_by_a_token(self, ada: User, chief: User, audited: Any) -> None:
        job = make_job(owner=ada)
        api = Api(chief)
        token = Token.objects.get(user=chief)
        api.post(f"{JOBS}/{job.pk}/cancel")
        ends = f'user="chief" by=token:{token.pk} job={job.pk} owner={ada.pk}'
        assert audited() == [
            f"right=jobs.view_job did=view {ends}",
            f"right=jobs.change_job did=cancel {ends}",
        ]
        entry = LogEntry.objects.get()
        assert (entry.user, entry.object_id, entry.change_message) == (
            chief,
            str(job.pk),
            "Cancelled",
        )
        root = browser_of(User.objects.create_superuser("root"))
        assert "Cancelled" in root.get(f"/admin/jobs/job/{job.pk}/history/").content.decode()

    @pytest.mark.parametrize("path", ["/jobs/{}/retry", "/admin/jobs/job/{}/retry/"])
    def test_a_change_by_a_session(self, ada: User, chief: User, path: str, audited: Any) -> None:
        job = make_job(owner=ada, task=ADD, kwargs={"n": 1}, status=Status.FAILED)
        browser_of(chief).post(path.format(job.pk))
        line = f'right=jobs.change_job did=retry user="chief" by=session job={job.pk}'
        assert f"{line} owner={ada.pk}" in audited()
        assert LogEntry.objects.get().change_message == "Run again"

    def test_ones_own_jobs_are_nobodys_business(self, chief: User, audited: Any) -> None:
        job = make_job(owner=chief)
        api, browser = Api(chief), browser_of(chief)
        api.get(f"{JOBS}/{job.pk}")
        api.post(f"{JOBS}/{job.pk}/cancel")
        browser.get("/jobs/")
        browser.get(f"/jobs/rows?id={job.pk}")
        browser.post("/jobs/bulk", {"do": "retry", "job": [str(job.pk)]})
        assert audited() == []
        assert not LogEntry.objects.exists()

    @pytest.mark.parametrize(
        ("path", "did"),
        [
            (JOBS, "list"),
            ("/api/v1/results", "follow"),
            ("/metrics", "metrics"),
            ("/jobs/?who=all", "list"),
            ("/admin/jobs/job/", "list"),
        ],
    )
    def test_looking_at_everybodys(self, path: str, did: str, chief: User, audited: Any) -> None:
        browser = browser_of(chief)
        for _ in range(2):
            assert browser.get(path).status_code == 200
        assert audited() == [f'right=jobs.view_job did={did} user="chief" by=session']

    @pytest.mark.parametrize("path", ["/jobs/{}/", "/admin/jobs/job/{}/change/"])
    def test_looking_at_a_job(self, path: str, ada: User, chief: User, audited: Any) -> None:
        job = make_job(owner=ada)
        browser = browser_of(chief)
        for _ in range(3):
            browser.get(path.format(job.pk))
        told = f'right=jobs.view_job did=view user="chief" by=session job={job.pk} owner={ada.pk}'
        assert audited() == [told]

    def test_a_name_cannot_begin_a_line(self, ada: User, audited: Any) -> None:
        evil = make_staff('x"\nright=none', "view_job")
        make_job(owner=ada)
        Api(evil).get(JOBS)
        (line,) = audited()
        assert "\n" not in line
        assert r'user="x\"\nright=none"' in line

    def test_pauses_and_requests_in_the_admin(self, root: Client, audited: Any) -> None:
        root.get("/admin/jobs/queue/")
        pause = {"action": "pause", "_selected_action": ["default"]}
        root.post("/admin/jobs/queue/", pause)
        line = 'right=jobs.change_queue did=paused user="root" by=session queue=default'
        assert audited() == [line]

    def test_a_database_that_refuses_the_history_fails_no_request(
        self, ada: User, chief: User, monkeypatch: pytest.MonkeyPatch, audited: Any
    ) -> None:
        from django.db import OperationalError

        def away(*_: Any, **__: Any) -> None:
            raise OperationalError("database is locked")

        job = make_job(owner=ada)
        api = Api(chief)
        monkeypatch.setattr(LogEntry.objects, "create", away)
        assert api.post(f"{JOBS}/{job.pk}/cancel").status_code == 200
        assert audited()[-1].startswith(f"Not in the history of job {job.pk}")
        assert Job.objects.get(pk=job.pk).status == Status.CANCELLED


def test_the_same_is_said_again_after_ten_minutes() -> None:
    now = 0.0
    rarely = Rarely(lambda: now)
    assert [rarely("a"), rarely("a"), rarely("b")] == [True, False, True]
    now = 601.0
    assert [rarely("a"), rarely("a")] == [True, False]
