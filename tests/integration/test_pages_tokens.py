"""The page of one's own tokens; all of it without a script."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from jobs.models import Token
from jobs.models.token import MOST_TOKENS, Grant

PAGE = "/tokens/"
TEXT = re.compile(r"jd_[\w-]{43}")


def read(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status
    return unescape(answer.content.decode())


def make(page: Client, **fields: Any) -> Any:
    return page.post(PAGE, {"name": "nightly", "scopes": ["read"], "expires": "30d", **fields})


def test_the_menu_leads_there(page: Client) -> None:
    assert f'href="{PAGE}"' in read(page.get("/"))
    html = read(page.get(PAGE))
    assert "You have no tokens yet." in html
    assert f'href="{PAGE}" aria-current="page"' in html


def test_a_new_token_is_shown_once(page: Client, ada: User) -> None:
    answer = make(page)
    html = read(answer)
    (text,) = TEXT.findall(html)
    assert "“nightly”" in html
    assert answer.headers["Cache-Control"] == "no-store"
    assert text not in str(answer.cookies) + str(page.cookies)
    token = Token.objects.get()
    assert Token.objects.find(text) == token
    assert (token.user, token.name, token.scopes) == (ada, "nightly", "read")
    assert token.expires_at is not None
    assert token.expires_at - timezone.now() > timedelta(days=29)
    again = read(page.get(PAGE))
    assert not TEXT.findall(again)
    assert "nightly" in again
    assert "never" in again  # used


def test_what_it_is_limited_to(page: Client) -> None:
    form = read(page.get(PAGE))
    task = re.findall(r'name="tasks" value="([^"]+)"', form)[0]
    html = read(make(page, tasks=[task], expires=""))
    token = Token.objects.get()
    assert (token.tasks, token.expires_at) == (task, None)
    assert f"tasks: {task}" in html


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "This field is required"),
        ({"scopes": []}, "This field is required"),
        ({"scopes": ["reed"]}, "Select a valid choice"),
        ({"tasks": ["no.task"]}, "Select a valid choice"),
        ({"expires": "soon"}, "Select a valid choice"),
    ],
)
def test_what_does_not_fit(page: Client, fields: Any, said: str) -> None:
    html = read(make(page, **fields), 422)
    assert "No token was made." in html
    assert said in html
    assert not Token.objects.exists()


def test_too_many(page: Client, ada: User) -> None:
    Token.objects.bulk_create(Token(user=ada, digest=str(n)) for n in range(MOST_TOKENS))
    assert "Revoke some of them" in read(make(page), 409)


def test_replacing(page: Client, ada: User) -> None:
    token, old = Token.objects.issue(ada, "ci", Grant(scopes=frozenset({"submit"})))
    answer = page.post(f"{PAGE}{token.pk}/rotate")
    html = read(answer)
    (text,) = TEXT.findall(html)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "The old one stays valid until" in html
    assert Token.objects.find(old) == token
    new = Token.objects.find(text)
    assert new is not None
    assert (new.name, new.scopes) == ("ci", "submit")
    # The old one has no such button any more; who sends it all the same is told.
    assert f"{PAGE}{token.pk}/rotate" not in html
    assert "replaced already" in read(page.post(f"{PAGE}{token.pk}/rotate"), 409)


def test_revoking(page: Client, ada: User) -> None:
    token, text = Token.objects.issue(ada, "ci")
    html = read(page.post(f"{PAGE}{token.pk}/revoke", follow=True))
    assert "ci is revoked." in html
    assert Token.objects.find(text) is None
    assert "There is no such token" in read(page.post(f"{PAGE}{token.pk}/revoke"), 404)


def test_somebody_elses_is_as_good_as_missing(page: Client, bob: User) -> None:
    token, text = Token.objects.issue(bob, "bobs")
    assert "bobs" not in read(page.get(PAGE))
    for action in ("rotate", "revoke"):
        assert page.post(f"{PAGE}{token.pk}/{action}").status_code == 404
        assert page.get(f"{PAGE}{token.pk}/{action}").status_code == 405
    assert Token.objects.find(text) == token


def test_an_expired_token_says_so(page: Client, ada: User) -> None:
    token, _ = Token.objects.issue(ada, "old", Grant(expires_at=timezone.now()))
    html = read(page.get(PAGE))
    assert "expired" in html
    assert f"{PAGE}{token.pk}/rotate" not in html


def test_a_name_is_text(page: Client, ada: User) -> None:
    Token.objects.issue(ada, "<script>x</script>")
    assert "<script>x" not in page.get(PAGE).content.decode()


def test_who_has_not_signed_in_is_sent_to_do_so(db: None) -> None:
    assert Client().get(PAGE).status_code == 302
    assert Client().post(f"{PAGE}1/revoke").status_code == 302


def test_other_sites_cannot_make_one(ada: User, db: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    assert make(strict).status_code == 403
    assert not Token.objects.exists()


def test_many_cost_the_statements_of_one(
    page: Client, ada: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        Token.objects.issue(ada, f"t{number}")
    with django_assert_max_num_queries(3):  # the session, its user, the tokens
        page.get(PAGE)
