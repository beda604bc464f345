"""Tokens by the API: what each may do, which jobs it reaches, how it is made, replaced, revoked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from jobs.api.operations import operations
from jobs.core.credentials import SCOPES
from jobs.core.states import Status
from jobs.models import Job, Token, UploadUse
from jobs.models.token import MOST_TOKENS, Grant
from tests.factories import end, make_artifact, make_job, make_upload, record, take_one
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD, FREE, READ

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api")]

TOKENS, ME = "/api/v1/tokens", "/api/v1/me"
RESULTS, UPLOADS, BULK = "/api/v1/results", "/api/v1/uploads", f"{JOBS}/bulk"


def limited(user: User, *, expires_at: datetime | None = None, **names: Iterable[str]) -> Api:
    """A client whose token can do no more than this."""
    client = Api(user)
    limits = {name: frozenset(value) for name, value in names.items()}
    grant = Grant(
        limits.get("scopes"), limits.get("tasks"), limits.get("queues"), expires_at=expires_at
    )
    token, client.token = Token.objects.issue(user, "limited", grant)
    Token.objects.update(last_used_at="2999-01-01T00:00:00Z")
    client.client.headers = {}
    client.client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {client.token}"
    assert token.grant == grant
    return client


# --- scopes -----------------------------------------------------------------------------------

CALLS = [
    one for one in operations() if not one.is_open and one.path.startswith(("/api/v1/", "/metrics"))
]


def test_every_call_names_its_scope_in_the_document(api: Api) -> None:
    document = api.get("/api/v1/openapi.json").json()
    named: dict[str, Any] = {}
    for item in document["paths"].values():
        for operation in item.values():
            security = operation["security"]
            named[operation["operationId"]] = security[0]["token"] if security else None
    assert named["listJobs"] == ["read"]
    assert named["getMetrics"] == ["read"]
    assert {named[f"submit{one}"][0] for one in ("Job", "TaskJob", "ManyJobs")} == {"submit"}
    assert {named[one][0] for one in ("upload", "createUpload", "deleteUpload")} == {"submit"}
    assert named["cancelJob"] == named["retryJob"] == named["createToken"] == ["operate"]
    assert named["getMe"] == []
    assert named["isAlive"] is None
    assert {scope for one in named.values() if one for scope in one} <= set(SCOPES)


@pytest.mark.parametrize("call", CALLS, ids=lambda one: one.id)
def test_a_token_without_the_scope_is_refused(call: Any, ada: User) -> None:
    """Before anything else of the request is looked at."""
    others = set(SCOPES) - {call.scope}
    api = limited(ada, scopes=others)
    path = call.path.replace("{token_id}", "1")
    path = re.sub(r"\{\w+\}", "01990a5d-ac96-774b-bcce-b302099a8057", path)
    response = api.send(call.method, path, content_type=call.body)
    if not call.scope:
        assert response.status_code == 200
        return
    assert response.status_code == 403
    needs = f'error="insufficient_scope", scope="{call.scope}"'
    assert response.headers["WWW-Authenticate"].endswith(needs)
    if call.method != "head":
        problem = response.json()
        assert problem["type"].endswith("#insufficient-scope")
        assert repr(call.scope) in problem["detail"]
        assert all(one in problem["detail"] for one in others)
    has_it = limited(ada, scopes={call.scope})
    same = has_it.send(call.method, path.replace("{token_id}", "1"), content_type=call.body)
    assert same.status_code != 403


def test_no_scope_contains_another(ada: User) -> None:
    submits = limited(ada, scopes={"submit"})
    job = submits.submit(ADD, args={"n": 1})
    assert job.status_code == 202
    assert submits.get(job.headers["Location"]).status_code == 403
    reads = limited(ada, scopes={"read"})
    assert reads.get(job.headers["Location"]).status_code == 200
    assert reads.post(f"{job.headers['Location']}/cancel").status_code == 403
    operates = limited(ada, scopes={"operate"})
    assert operates.post(f"{job.headers['Location']}/cancel").status_code == 200


def test_head_needs_what_get_needs(ada: User) -> None:
    assert limited(ada, scopes={"submit"}).client.head(JOBS).status_code == 403
    assert limited(ada, scopes={"read"}).client.head(JOBS).status_code == 200


def test_a_session_has_every_scope(page: Client) -> None:
    assert page.get(JOBS).status_code == 200


# --- tasks and queues -------------------------------------------------------------------------


@pytest.fixture
def reach(ada: User) -> Api:
    """A token for one task in one queue."""
    return limited(ada, tasks=[ADD], queues=["default"])


def ids(response: Any) -> list[str]:
    assert response.status_code == 200
    return [one["id"] for one in response.json()["items"]]


OUTSIDE = [{"task": FREE, "kwargs": {}}, {"task": ADD, "kwargs": {"n": 1}, "queue": "mail"}]


class TestLimits:
    """A job outside of the limits of a token is as good as missing."""

    def test_lists(self, reach: Api, ada: User, bob: User) -> None:
        own = make_job(owner=ada, task=ADD)
        for outside in OUTSIDE:
            make_job(owner=ada, **outside)
        make_job(owner=bob, task=ADD)
        for query in ("", f"?task={ADD}", "?status=queued", "?q=a"):
            assert ids(reach.get(f"{JOBS}{query}")) == [str(own.pk)]
        assert ids(reach.get(f"{JOBS}?task={FREE}")) == []
        assert ids(reach.get(f"{JOBS}?queue=mail")) == []

    @pytest.mark.parametrize("outside", OUTSIDE)
    def test_a_job_and_all_below_it(self, reach: Api, ada: User, outside: Any) -> None:
        job = make_job(owner=ada, status=Status.FAILED, **outside)
        make_artifact(job, "a.txt")
        known = {"If-None-Match": job.etag}
        waits = {"Prefer": "wait=1"}
        assert reach.get(f"{JOBS}/{job.pk}").status_code == 404
        assert reach.get(f"{JOBS}/{job.pk}", headers=known).status_code == 404
        assert reach.get(f"{JOBS}/{job.pk}", headers=waits).status_code == 404
        for path in ("log", "artifacts/a.txt"):
            assert reach.get(f"{JOBS}/{job.pk}/{path}").status_code == 404
        for path in ("cancel", "retry"):
            assert reach.post(f"{JOBS}/{job.pk}/{path}").status_code == 404
        events = {"Accept": "text/event-stream"}
        defaults: Any = reach.client.defaults
        defaults["jobs.hold"] = bool  # a server that holds requests
        assert reach.get(f"{JOBS}/{job.pk}", headers=events).status_code == 404

    def test_the_feed(self, reach: Api, ada: User) -> None:
        for fields in ({"task": ADD, "kwargs": {"n": 1}}, *OUTSIDE):
            record(owner=ada, **fields)
        for queue in ("default", "default", "mail"):
            end(take_one(queue))
        (shown,) = reach.get(RESULTS).json()["items"]
        assert (shown["task"], shown["queue"]) == (ADD, "default")
        assert reach.get(f"{RESULTS}?task={FREE}").json()["items"] == []

    def test_submitting(self, reach: Api) -> None:
        assert reach.submit(ADD, args={"n": 1}).status_code == 202
        for body in ({"task": FREE}, {"task": ADD, "args": {"n": 1}, "queue": "mail"}):
            refused = reach.post(JOBS, body)
            assert refused.status_code == 403
            assert "limited to other" in refused.json()["detail"]
        assert reach.post(f"/api/v1/tasks/{FREE}/jobs", {}).status_code == 403
        assert reach.post(f"/api/v1/tasks/{ADD}/jobs?queue=mail", {"n": 1}).status_code == 403
        assert Job.objects.count() == 1

    @pytest.mark.parametrize("atomic", ["", "?atomic=1"])
    def test_bulk(self, reach: Api, atomic: str) -> None:
        lines = [
            {"task": ADD, "args": {"n": 1}},
            {"task": FREE, "args": {}},
            {"task": ADD, "args": {"n": 2}, "queue": "mail"},
        ]
        body = "\n".join(map(json.dumps, lines)).encode()
        response = reach.client.post(f"{BULK}{atomic}", body, content_type="application/x-ndjson")
        if atomic:
            assert response.status_code == 422
            assert [one["pointer"] for one in response.json()["errors"]] == ["/2", "/3"]
            assert not Job.objects.exists()
            return
        told = [json.loads(line) for line in b"".join(response).splitlines()]
        assert [one.get("problem", {}).get("status") for one in told] == [None, 403, 403]
        assert Job.objects.count() == 1

    def test_a_repeat_does_not_show_another_tasks_job(self, api: Api, ada: User) -> None:
        again = {"Idempotency-Key": "k"}
        assert api.submit(FREE, headers=again).status_code == 202
        reach = limited(ada, tasks=[ADD])
        assert reach.submit(FREE, headers=again).status_code == 403

    def test_a_unique_key_does_not_show_a_job_of_another_queue(self, api: Api, reach: Api) -> None:
        body: Any = {"args": {"n": 1}, "unique_key": "u"}
        assert api.submit(ADD, **body, queue="mail").status_code == 202
        assert reach.submit(ADD, **body).status_code == 403
        assert api.submit(ADD, **body).status_code == 200

    def test_files_of_other_jobs(self, ada: User) -> None:
        reads = limited(ada, tasks=[READ])
        free, within, outside = (make_upload(ada) for _ in range(3))
        UploadUse.objects.create(upload=within, job=make_job(owner=ada, task=READ))
        UploadUse.objects.create(upload=outside, job=make_job(owner=ada, task=FREE))
        for upload, status in ((free, 202), (within, 202), (outside, 422)):
            asked = reads.submit(READ, args={"log": {"upload": str(upload.pk)}})
            assert asked.status_code == status
            found = reads.client.head(f"{UPLOADS}/{upload.pk}")
            assert found.status_code == (200 if status == 202 else 404)

    def test_tasks_queues_and_metrics(self, reach: Api, api: Api) -> None:
        allowed = {
            one["name"] for one in reach.get("/api/v1/tasks").json()["items"] if one["allowed"]
        }
        assert allowed == {ADD}
        assert [one["name"] for one in reach.get("/api/v1/queues").json()["items"]] == ["default"]
        assert len(api.get("/api/v1/queues").json()["items"]) > 1
        refused = reach.get("/metrics")
        assert refused.status_code == 403
        assert "limited to some" in refused.json()["detail"]
        assert api.get("/metrics").status_code == 200

    def test_a_staff_right_reaches_no_further(self, chief: User, ada: User) -> None:
        reach = limited(chief, tasks=[ADD])
        seen, hidden = make_job(owner=ada, task=ADD), make_job(owner=ada, task=FREE)
        assert ids(reach.get(JOBS)) == [str(seen.pk)]
        assert reach.post(f"{JOBS}/{hidden.pk}/cancel").status_code == 404
        assert reach.post(f"{JOBS}/{seen.pk}/cancel").status_code == 200


@pytest.mark.parametrize("grant", [{}, {"tasks": [ADD], "queues": ["default"], "scopes": SCOPES}])
def test_a_request_costs_the_statements_that_it_cost(
    ada: User, grant: Any, django_assert_num_queries: Any
) -> None:
    api = limited(ada, **grant)
    job = make_job(owner=ada, task=ADD)
    with django_assert_num_queries(1):
        assert api.get(f"{JOBS}/{job.pk}", headers={"If-None-Match": job.etag}).status_code == 304
    with django_assert_num_queries(2):
        assert api.get(f"{JOBS}/{job.pk}").status_code == 200
    with django_assert_num_queries(3 if grant else 2):  # how far its tasks and queues reach
        assert ids(api.get(JOBS)) == [str(job.pk)]
    api.submit(ADD, args={"n": 1})  # the limits are counted
    with django_assert_num_queries(2):
        assert api.submit(ADD, args={"n": 2}).status_code == 202


# --- the end of a token -----------------------------------------------------------------------


def test_an_expired_token_is_refused_and_says_so(ada: User) -> None:
    ends = timezone.now() + timedelta(minutes=5)
    api = limited(ada, expires_at=ends)
    assert api.get(JOBS).status_code == 200
    with time_machine.travel(ends, tick=False):
        refused = api.get(JOBS)
        assert refused.status_code == 401
        assert refused.json()["detail"] == "This token has expired."
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
        assert Token.objects.find(api.token) is None


# --- making, listing, replacing, revoking -----------------------------------------------------


class TestMaking:
    def test_a_token_is_shown_once(self, api: Api) -> None:
        asked = {"name": "nightly", "scopes": ["submit", "read"], "tasks": [ADD], "expires": "30d"}
        made = api.post(TOKENS, asked)
        assert made.status_code == 201
        assert made.headers["Cache-Control"] == "no-store"
        body = made.json()
        text = body.pop("token")
        new = Api(None)
        new.client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {text}"
        assert new.get(JOBS).status_code == 200
        assert new.post(f"{JOBS}/x/cancel").status_code == 403
        listed = api.get(TOKENS)
        assert text not in listed.content.decode()
        shown = listed.json()["items"][0]
        assert shown == {**body, "last_used_at": shown["last_used_at"]}
        assert shown["scopes"] == ["read", "submit"]
        assert (shown["tasks"], shown["queues"]) == ([ADD], None)
        expires = Token.objects.get(pk=body["id"]).expires_at
        assert expires is not None
        assert timedelta(days=29) < expires - timezone.now() <= timedelta(days=30)

    def test_nothing_asked_is_everything(self, api: Api) -> None:
        body = api.post(TOKENS, {}).json()
        assert body["scopes"] == list(SCOPES)
        assert (body["tasks"], body["queues"], body["expires_at"]) == (None, None, None)

    @pytest.mark.parametrize(
        ("body", "pointer", "words"),
        [
            ({"scopes": ["reed"]}, "/scopes", "no scope 'reed'. Known: read, submit"),
            ({"scopes": []}, "/scopes", "1 to 100 names"),
            ({"tasks": [f"{ADD}s"]}, "/tasks", "Did you mean"),
            ({"tasks": [f"t{n}" for n in range(101)]}, "/tasks", "1 to 100 names"),
            ({"queues": ["nowhere"]}, "/queues", "no queue named 'nowhere'. Known:"),
            ({"expires": "soon"}, "/expires", "30d"),
            ({"expires": "0d"}, "/expires", "30d"),
            ({"expires": "999999999d"}, "/expires", "3650d"),
            ({"name": "x" * 101}, "/name", "100"),
            ({"scope": "read"}, "/scope", ""),
            ({"scopes": "read"}, "/scopes", "list"),
            ([], "", "JSON object"),
        ],
    )
    def test_what_does_not_fit(self, api: Api, body: Any, pointer: str, words: str) -> None:
        refused = api.post(TOKENS, body)
        assert refused.status_code == 422
        (error,) = refused.json()["errors"]
        assert error["pointer"] == pointer
        assert words in error["detail"]

    def test_a_user_has_so_many_at_most(self, api: Api, ada: User) -> None:
        Token.objects.bulk_create(Token(user=ada, digest=str(n)) for n in range(MOST_TOKENS - 1))
        refused = api.post(TOKENS, {})
        assert refused.status_code == 409
        assert "Revoke some" in refused.json()["detail"]
        past = timezone.now() - timedelta(days=8)
        Token.objects.filter(digest="1").update(expires_at=past)  # forgotten by now
        assert api.post(TOKENS, {}).status_code == 201
        assert not Token.objects.filter(digest="1").exists()


class TestOneTokenMakesAnother:
    """It can do no more than the first, and sees none that can."""

    @pytest.fixture
    def maker(self, ada: User) -> Api:
        ends = timezone.now() + timedelta(days=10)
        return limited(ada, scopes=["read", "operate"], tasks=[ADD], expires_at=ends)

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"scopes": ["read", "submit"]}, "/scopes"),
            ({"tasks": [FREE]}, "/tasks"),
            ({"expires": "11d"}, "/expires"),
        ],
    )
    def test_no_more(self, maker: Api, body: Any, pointer: str) -> None:
        refused = maker.post(TOKENS, body)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == pointer
        assert "The token that makes this one" in refused.json()["errors"][0]["detail"]

    def test_the_same_where_nothing_is_said(self, maker: Api) -> None:
        made = maker.post(TOKENS, {"scopes": ["read"]}).json()
        own = Token.objects.find(maker.token)
        assert own is not None
        assert Token.objects.get(pk=made["id"]).grant == Grant(
            frozenset({"read"}), own.grant.tasks, None, own.expires_at
        )

    def test_what_can_do_more_is_as_good_as_missing(
        self, maker: Api, api: Api, ada: User, bob: User
    ) -> None:
        wide = Token.objects.find(api.token)
        other, _ = Token.objects.issue(bob)
        made = maker.post(TOKENS, {}).json()["id"]
        own = Token.objects.find(maker.token)
        assert wide is not None
        assert own is not None
        assert ids(maker.get(TOKENS)) == [made, own.pk]
        for key in (wide.pk, other.pk, 0, 2**80, "x", "1x"):
            assert maker.send("delete", f"{TOKENS}/{key}").status_code == 404
            assert maker.post(f"{TOKENS}/{key}/rotate").status_code == 404
        assert api.send("delete", f"{TOKENS}/{other.pk}").status_code == 404
        assert api.send("delete", f"{TOKENS}/{own.pk}").status_code == 204
        assert maker.get(JOBS).status_code == 401

    def test_a_token_does_not_prolong_itself(self, maker: Api) -> None:
        own = Token.objects.find(maker.token)
        assert own is not None
        ends = own.expires_at
        made = maker.post(f"{TOKENS}/{own.pk}/rotate").json()
        assert Token.objects.get(pk=made["id"]).expires_at == ends


class TestRotating:
    def test_both_are_valid_for_a_day(self, api: Api, ada: User) -> None:
        old, old_text = Token.objects.issue(ada, "ci", Grant(scopes=frozenset({"read"})))
        made = api.post(f"{TOKENS}/{old.pk}/rotate")
        assert made.status_code == 201
        assert made.headers["Cache-Control"] == "no-store"
        body = made.json()
        assert (body["name"], body["scopes"], body["expires_at"]) == ("ci", ["read"], None)

        def valid() -> list[bool]:
            return [Token.objects.find(text) is not None for text in (old_text, body["token"])]

        assert valid() == [True, True]
        listed = {one["id"]: one["replaced"] for one in api.get(TOKENS).json()["items"]}
        assert (listed[old.pk], listed[body["id"]]) == (True, False)
        with time_machine.travel(timezone.now() + timedelta(hours=23)):
            assert valid() == [True, True]
        with time_machine.travel(timezone.now() + timedelta(hours=25)):
            assert valid() == [False, True]

    def test_it_is_valid_as_long_anew(self, client: Client, ada: User) -> None:
        now = timezone.now()
        old, _ = Token.objects.issue(ada, grant=Grant(expires_at=now + timedelta(days=30)))
        Token.objects.filter(pk=old.pk).update(created_at=now)
        with time_machine.travel(now + timedelta(days=29, hours=12)):
            client.force_login(ada)
            made = client.post(f"{TOKENS}/{old.pk}/rotate").json()
            new = Token.objects.get(pk=made["id"])
            assert new.expires_at is not None
            assert new.expires_at > now + timedelta(days=59)
        old.refresh_from_db()
        assert old.expires_at == now + timedelta(days=30)  # no longer than it was

    @pytest.mark.parametrize("why", ["replaced already", "expired"])
    def test_only_once_and_in_time(self, api: Api, ada: User, why: str) -> None:
        ends = None if why == "replaced already" else timezone.now()
        old, _ = Token.objects.issue(ada, grant=Grant(expires_at=ends))
        if ends is None:
            api.post(f"{TOKENS}/{old.pk}/rotate")
        refused = api.post(f"{TOKENS}/{old.pk}/rotate")
        assert refused.status_code == 409
        assert why in refused.json()["detail"]


class TestMe:
    def test_a_token(self, ada: User) -> None:
        api = limited(ada, scopes=["submit"], queues=["default"])
        body = api.get(ME).json()
        assert body["user"] == {"name": "ada", "staff": False, "rights": []}
        token = body["token"]
        assert (token["scopes"], token["tasks"], token["queues"]) == (["submit"], None, ["default"])
        assert token["current"]

    def test_a_session_of_staff(self, chief: User) -> None:
        browser = Client()
        browser.force_login(chief)
        body = browser.get(ME).json()
        rights = ["jobs.view_job", "jobs.change_job", "jobs.view_upload"]
        assert body == {"user": {"name": "chief", "staff": True, "rights": rights}, "token": None}

    def test_a_superuser_has_all(self, root: Client) -> None:
        assert "jobs.change_queue" in root.get(ME).json()["user"]["rights"]


@pytest.mark.parametrize(
    "call", [one for one in CALLS if one.is_of_all_jobs], ids=lambda one: one.id
)
def test_a_limited_token_may_not_what_is_of_all_jobs(call: Any, ada: User) -> None:
    """A webhook would tell of the jobs of other tasks, and a list of uploads of their files."""
    key = "01990a5d-ac96-774b-bcce-b302099a8057"
    path = re.sub(r"\{\w+\}", key, call.path)
    response = limited(ada, tasks={"testapp.square"}).send(
        call.method, path, content_type=call.body
    )
    assert response.status_code == 403
    assert response.json()["type"].endswith("#insufficient-scope")
    assert "limited to some" in response.json()["detail"]


def test_a_limited_token_lists_the_jobs_that_it_may_see(ada: User) -> None:
    mine = make_job(owner=ada, task="testapp.square", queue="default")
    make_job(owner=ada, task="testapp.square", queue="mail")
    make_job(owner=ada, task="testapp.other", queue="default")
    api = limited(ada, tasks={"testapp.square"}, queues={"default"})
    for query in ("", "?sort=id", "?queue=default&status=queued", "?task=testapp.square"):
        items = api.get(f"/api/v1/jobs{query}").json()["items"]
        assert [one["id"] for one in items] == [str(mine.id)]
    assert api.get("/api/v1/jobs?task=testapp.other").json()["items"] == []
