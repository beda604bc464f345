"""What the client sends again, when, and for how long; what it makes of problems."""

from __future__ import annotations

import logging
import math
import pickle
from dataclasses import replace
from typing import Any

import pytest

from jobs import client
from jobs.api.problems import KINDS
from jobs.client import errors
from jobs.client.effects import ConnectionLost, Request
from jobs.client.errors import problem_of
from jobs.client.exchange import exchange, fetch
from jobs.client.site import find_site
from tests.unit.client_world import LOST, SITE, World, answer, problem

GET = Request("GET", "tasks")


def test_it_goes_on_when_the_site_is_back(caplog: pytest.LogCaptureFixture) -> None:
    world = World(LOST, LOST, problem(503), answer(200, {"items": []}))
    with caplog.at_level(logging.WARNING, "jobs.client"):
        assert world.run(fetch(SITE, GET)) == {"items": []}
    assert len(world.requests) == 4
    limits = (0.1, 0.2, 0.4)
    assert all(most / 2 <= one <= most for one, most in zip(world.pauses, limits, strict=True))
    assert [record.getMessage() for record in caplog.records] == [
        "https://desk.test/api/v1/ did not answer: Connection refused. Trying again for up to 60 s."
    ], "one line, not one for each time"


def test_it_waits_as_it_is_told() -> None:
    world = World(problem(429, retry_after=7), problem(503, retry_after=11), answer())
    assert world.run(exchange(SITE, GET)).status == 200
    assert world.pauses == [7, 11]


def test_it_gives_up_after_the_time_that_was_given_it() -> None:
    world = World(LOST)
    with pytest.raises(client.Unavailable, match="did not answer: Connection refused") as caught:
        world.run(exchange(SITE, GET))
    assert caught.value.__cause__ is LOST
    assert sum(world.pauses) == pytest.approx(SITE.retry_for)
    assert len(world.requests) < 40


def test_it_does_not_wait_for_what_comes_too_late() -> None:
    world = World(problem(429, retry_after=61))
    with pytest.raises(client.TooManyRequests) as caught:
        world.run(exchange(SITE, GET))
    assert (caught.value.retry_after, world.pauses) == (61, [])


@pytest.mark.parametrize("seconds", [0, math.inf])
def test_the_time_can_be_none_or_without_end(seconds: float) -> None:
    site = replace(SITE, retry_for=seconds)
    world = World(*[LOST] * 500, answer())
    if seconds:
        assert world.run(exchange(site, GET)).status == 200
        return
    with pytest.raises(client.Unavailable):
        world.run(exchange(site, GET))
    assert len(world.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 422, 500])
def test_what_will_not_change_is_not_sent_again(status: int) -> None:
    world = World(problem(status))
    with pytest.raises(client.Problem, match=f"{status}: Not so"):
        world.run(exchange(SITE, GET))
    assert len(world.requests) == 1


def test_a_certificate_that_is_not_to_be_trusted_is_no_matter_of_time() -> None:
    world = World(ConnectionLost("certificate verify failed", may_help=False))
    with pytest.raises(client.Untrusted, match="certificate verify failed"):
        world.run(exchange(SITE, GET))
    assert len(world.requests) == 1


CLASSES = {
    "unauthenticated": client.NotAuthenticated,
    "forbidden": client.Forbidden,
    "not-found": client.NotFound,
    "unknown-task": client.NotFound,
    "idempotency-conflict": client.Conflict,
    "conflict": client.Conflict,
    "cursor-expired": client.CursorExpired,
    "too-large": client.TooLarge,
    "invalid": client.Invalid,
    "queue-full": client.TooManyRequests,
    "quota-exceeded": client.TooManyRequests,
    "unavailable": client.Unavailable,
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_each_kind_of_problem_has_its_class(kind: Any) -> None:
    body = {"type": f"/api/v1/docs#{kind.slug}", "title": kind.title, "status": kind.status}
    error = problem_of(answer(kind.status, {**body, "detail": "Why."}))
    assert isinstance(error, CLASSES.get(kind.slug, client.Problem))
    assert (error.kind, error.status, error.detail) == (kind.slug, kind.status, "Why.")
    assert str(error) == f"{kind.status}: Why."
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.body) == (type(error), str(error), error.body)


def test_an_error_says_what_does_not_fit_and_what_is_near() -> None:
    wrong = [{"pointer": "/args/n", "detail": "It must be a whole number."}]
    invalid = problem_of(problem(422, errors=wrong))
    assert isinstance(invalid, client.Invalid)
    assert invalid.errors == {"/args/n": "It must be a whole number."}
    assert str(invalid) == "422: Not so. /args/n: It must be a whole number."
    missing = problem_of(problem(404, nearest=["webapp.square"]))
    assert isinstance(missing, client.NotFound)
    assert missing.nearest == ["webapp.square"]
    assert str(missing) == "404: Not so. Nearest: webapp.square."


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"7", b""])
def test_a_problem_of_a_proxy_has_no_words(body: bytes) -> None:
    error = problem_of(answer(502, body))
    assert isinstance(error, client.Unavailable)
    assert str(error) == "502: the site does not say why"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b""])
def test_what_is_no_jobdesk_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(client.UnexpectedAnswer, match="is a Jobdesk there"):
        World(answer(200, body)).run(fetch(SITE, GET))


def test_a_redirect_is_an_error_that_says_where_to() -> None:
    world = World(answer(301, location="https://elsewhere.test/api/v1/tasks"))
    with pytest.raises(client.Redirected, match=r"redirects to https://elsewhere\.test"):
        world.run(exchange(SITE, GET))


def test_every_error_has_one_base_and_can_be_imported() -> None:
    found = {one for one in vars(errors).values() if isinstance(one, type)}
    public = {
        one for one in found if issubclass(one, Exception) and one.__module__.endswith("errors")
    }
    assert {one.__name__ for one in public} <= set(client.__all__)
    assert all(issubclass(one, client.DeskError) for one in public)
    assert issubclass(client.TimedOut, TimeoutError)
    failed = pickle.loads(pickle.dumps(client.JobFailed("j1", "ValueError", "no")))
    assert str(failed) == "ValueError: no (job j1)"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://desk.test", "https://desk.test/api/v1/"),
        ("https://desk.test/below/", "https://desk.test/below/api/v1/"),
        ("https://desk.test/below/api/v1", "https://desk.test/below/api/v1/"),
        ("http://localhost:8000", "http://localhost:8000/api/v1/"),
        ("http://127.0.0.9:8000/", "http://127.0.0.9:8000/api/v1/"),
        ("http://[::1]:8000", "http://[::1]:8000/api/v1/"),
    ],
)
def test_addresses(given: str, url: str) -> None:
    site = find_site(given, "secret", 60, False)
    assert site.url == url
    assert site.headers["Authorization"] == "Bearer secret"
    assert "secret" not in repr(site)


@pytest.mark.parametrize(
    ("url", "token", "says"),
    [
        ("http://desk.test", "t", "plain HTTP"),
        ("http://127.0.0.1.desk.test", "t", "plain HTTP"),
        ("desk.test", "t", "no address"),
        ("ftp://desk.test", "t", "no address"),
        ("https://", "t", "no address"),
        ("https://desk.test/?a=b", "t", "no address"),
        ("https://ada:pw@desk.test", "t", "by itself"),
        ("https://desk.test", "a\nb", "line feed"),
        ("https://desk.test", "tökén", "characters"),
        ("", "t", "JOBS_URL"),
    ],
)
def test_what_is_refused(url: str, token: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        find_site(url, token, 60, False)


def test_plain_http_in_a_network_of_ones_own() -> None:
    assert find_site("http://site:8000", "t", 60, True).url == "http://site:8000/api/v1/"


def test_the_environment_has_the_address_and_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBS_URL", "https://env.test")
    monkeypatch.setenv("JOBS_TOKEN", "fromenv")
    site = find_site(None, None, 60, False)
    assert (site.url, site.token) == ("https://env.test/api/v1/", "fromenv")
    assert find_site("https://desk.test", "", 60, False).token == "", "what is given comes first"
    monkeypatch.delenv("JOBS_URL")
    with pytest.raises(ValueError, match="JOBS_URL"):
        find_site(None, None, 60, False)
