"""Signing in by password and by the one-time link."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from webapp import signin

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", password="long-enough-7")


def follow_link(client: Client, token: str, **more: str) -> str:
    """Open the link; return where it leads, or an empty string when it shows the form."""
    answer = client.get("/sign-in/", {"token": token, **more})
    return answer.headers.get("Location", "")


def test_the_link_signs_in_once(client: Client, ada: User) -> None:
    token = signin.make_token(ada)
    assert follow_link(client, token) == "/"
    assert client.session["_auth_user_id"] == str(ada.pk)

    answer = Client().get("/sign-in/", {"token": token})
    assert answer.status_code == 200
    assert signin.USED in answer.content.decode()
    assert 'name="password"' in answer.content.decode()


def test_a_signed_in_person_who_reloads_the_link_is_led_on(client: Client, ada: User) -> None:
    token = signin.make_token(ada)
    follow_link(client, token)
    assert follow_link(client, token, next="/jobs/") == "/jobs/"


def test_a_second_link_works_after_the_first_was_used(client: Client, ada: User) -> None:
    follow_link(client, signin.make_token(ada))
    ada.refresh_from_db()
    assert follow_link(Client(), signin.make_token(ada)) == "/"


def test_signing_in_by_password_spends_the_links_made_before(client: Client, ada: User) -> None:
    token = signin.make_token(ada)
    client.login(username="ada", password="long-enough-7")
    with pytest.raises(signin.InvalidLink, match="used already"):
        signin.redeem(token, timezone.now())


@pytest.mark.parametrize("token", ["x", "a:b:c", "eyJ1c2VyIjoxfQ:1xUhQF:AAAA"])
def test_a_wrong_link_says_so_and_offers_the_form(client: Client, ada: User, token: str) -> None:
    answer = client.get("/sign-in/", {"token": token})
    assert signin.WRONG in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_a_link_of_another_purpose_is_wrong(ada: User) -> None:
    from django.core import signing

    other = signing.dumps({"user": ada.pk, "last": None}, salt="another")
    with pytest.raises(signin.InvalidLink, match="not one of ours"):
        signin.redeem(other, timezone.now())


def test_an_old_link_says_so(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    token = signin.make_token(ada)
    monkeypatch.setattr(signin, "MAX_AGE", timedelta(seconds=-1))
    with pytest.raises(signin.InvalidLink, match="older than a day"):
        signin.redeem(token, timezone.now())


def test_someone_who_left_gets_in_by_no_link(ada: User) -> None:
    token = signin.make_token(ada)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    with pytest.raises(signin.InvalidLink):
        signin.redeem(token, timezone.now())
    ada.delete()
    with pytest.raises(signin.InvalidLink):
        signin.redeem(token, timezone.now())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("signed_in_before", [False, True])
def test_of_many_uses_at_once_one_wins(signed_in_before: bool) -> None:
    last = timezone.now() if signed_in_before else None
    ada = User.objects.create_user("ada", last_login=last)
    token, start, winners = signin.make_token(ada), threading.Barrier(6), list[User]()

    def use() -> None:
        start.wait(10)
        try:
            winners.append(signin.redeem(token, timezone.now()))
        except signin.InvalidLink:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert winners == [ada]


def test_the_password_signs_in_and_leads_on(client: Client, ada: User) -> None:
    form = {"username": "ada", "password": "long-enough-7", "next": "/jobs/?q=1"}
    assert client.post("/sign-in/", form).headers["Location"] == "/jobs/?q=1"


def test_a_wrong_password_is_said_and_the_name_kept(client: Client, ada: User) -> None:
    answer = client.post("/sign-in/", {"username": "ada", "password": "no"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'value="ada"' in page
    assert "do not go together" in page


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "javascript:alert(1)",
        "/sign-in/?next=/",
        "\\\\e",
    ],
)
def test_a_next_that_leads_elsewhere_is_ignored(client: Client, ada: User, elsewhere: str) -> None:
    assert follow_link(client, signin.make_token(ada), next=elsewhere) == "/"
    assert follow_link(client, "", next=elsewhere) == "/"
    form = {"username": "ada", "password": "long-enough-7", "next": elsewhere}
    assert Client().post("/sign-in/", form).headers["Location"] == "/"


def test_signing_out_is_a_post(client: Client, ada: User) -> None:
    client.force_login(ada)
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").headers["Location"] == "/sign-in/"
    assert "_auth_user_id" not in client.session


def test_signing_out_wants_its_csrf_token(ada: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    assert strict.post("/sign-out/").status_code == 403


def test_browsers_find_an_icon_on_pages_that_name_none(client: Client) -> None:
    answer = client.get("/favicon.ico", follow=True)
    answer.close()  # it holds the file
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/svg+xml")
