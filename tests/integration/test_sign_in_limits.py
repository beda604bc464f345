"""Guessing passwords: limits by account and by address, and who is not locked out by them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from jobs.web.sign_in_limits import attempt, view
from jobs.web.sign_in_limits.attempt import MOST_FAILURES
from jobs.web.sign_in_limits.counts import WINDOW_SECONDS
from jobs.web.sign_in_limits.seats import seats

pytestmark = pytest.mark.django_db

RIGHT = "long-enough-7"
PAGES = ["/sign-in/", "/admin/login/"]


class Clock:
    """The time that attempts are counted by."""

    def __init__(self) -> None:
        self.now = 1_000_000 * float(WINDOW_SECONDS)

    def time(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(view, "time", made)
    return made


@pytest.fixture
def chief(db: None) -> User:
    return User.objects.create_superuser("chief", password=RIGHT)


def try_password(
    name: str, password: str, address: str = "203.0.113.7", client: Client | None = None, **at: str
) -> Any:
    form = {"username": name, "password": password}
    return (client or Client()).post(at.get("page", "/sign-in/"), form, REMOTE_ADDR=address)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that are made, one entry each."""
    made = list[str]()
    encode = hashers.MD5PasswordHasher.encode

    def counted(self: Any, password: str, salt: str) -> str:
        made.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", counted)
    return made


@pytest.mark.parametrize("page", PAGES)
def test_an_account_takes_ten_wrong_passwords_from_wherever(
    chief: User, hashed: list[str], page: str
) -> None:
    for number in range(MOST_FAILURES["account"]):
        answer = try_password("chief", "wrong", f"198.51.100.{number}", page=page)
        assert answer.status_code == 200
    hashed.clear()
    # Capital letters make no other account of it.
    for name in ("chief", "CHIEF"):
        answer = try_password(name, RIGHT, "198.51.100.99", page=page)
        assert answer.status_code == 429
        assert answer.headers["Retry-After"] == str(WINDOW_SECONDS)
        assert "Try again in 10 minutes" in answer.content.decode()
        assert "no-cache" in answer.headers["Cache-Control"]
    assert hashed == []


def test_both_pages_count_together(chief: User) -> None:
    for number in range(MOST_FAILURES["account"]):
        try_password("chief", "wrong", f"198.51.100.{number}", page=PAGES[number % 2])
    assert [try_password("chief", RIGHT, page=page).status_code for page in PAGES] == [429, 429]


def test_an_address_takes_fifty_over_all_accounts(chief: User) -> None:
    for number in range(MOST_FAILURES["address"]):
        assert try_password(f"user{number}", "wrong").status_code == 200
    assert try_password("another", "wrong").status_code == 429
    assert try_password("chief", RIGHT, "203.0.113.8").status_code == 302


def test_who_has_reached_the_limit_of_an_address_uses_up_no_account(
    chief: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MOST_FAILURES, "address", 3)
    for _ in range(3 + MOST_FAILURES["account"]):
        try_password("chief", "wrong", "198.51.100.1")
    assert try_password("chief", RIGHT, "203.0.113.8").status_code == 302


def test_it_passes_by_itself(chief: User, clock: Clock) -> None:
    clock.now += WINDOW_SECONDS - 61
    for _ in range(MOST_FAILURES["account"] + 1):
        answer = try_password("chief", "wrong")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "61"
    clock.now += 61
    assert try_password("chief", RIGHT).status_code == 302


def test_right_passwords_are_not_counted(chief: User) -> None:
    for _ in range(2 * MOST_FAILURES["account"]):
        assert try_password("chief", RIGHT).status_code == 302


def test_a_browser_that_has_signed_in_is_not_locked_out_by_others(chief: User) -> None:
    known = Client()
    assert try_password("chief", RIGHT, client=known).status_code == 302
    known.post("/sign-out/", REMOTE_ADDR="203.0.113.7")
    for number in range(3 * MOST_FAILURES["account"]):
        try_password("chief", "wrong", f"198.51.100.{number}")
    assert try_password("chief", RIGHT).status_code == 429
    assert try_password("chief", RIGHT, client=known).status_code == 302


def test_a_known_browser_has_a_limit_of_its_own(chief: User) -> None:
    known = Client()
    try_password("chief", RIGHT, client=known)
    known.post("/sign-out/")
    for _ in range(MOST_FAILURES["browser"]):
        assert try_password("chief", "wrong", client=known).status_code == 200
    assert try_password("chief", RIGHT, client=known).status_code == 429


def test_a_browser_is_known_for_the_account_that_signed_in_alone(chief: User, ada: User) -> None:
    mallory = Client()
    assert try_password("ada", RIGHT, client=mallory).status_code == 302
    # Who is signed in is led on whatever they type.
    assert try_password("chief", "wrong", client=mallory).status_code == 302
    mallory.cookies.pop("sessionid")
    for _ in range(MOST_FAILURES["account"]):
        try_password("chief", "wrong", client=mallory)
    assert try_password("chief", "wrong", client=mallory).status_code == 429


@pytest.mark.parametrize("value", ["", "x", "W10:1x:y", "a:b:c"])
def test_a_forged_cookie_makes_no_known_browser(chief: User, value: str) -> None:
    forger = Client()
    for _ in range(MOST_FAILURES["account"]):
        forger.cookies["jobs_known_browser"] = value
        try_password("chief", "wrong", client=forger)
    assert try_password("chief", "wrong", client=forger).status_code == 429


def test_accounts_that_are_there_and_not_there_look_the_same(
    chief: User, hashed: list[str]
) -> None:
    User.objects.create_user("gone", password=RIGHT, is_active=False)
    seen = []
    for name in ("chief", "nobody", "gone"):
        pages, work = [], []
        for number in range(MOST_FAILURES["account"] + 1):
            hashed.clear()
            answer = try_password(name, "wrong", f"198.51.100.{number}")
            page = re.sub(r'csrfmiddlewaretoken.*|data-now="[^"]*"', "", answer.content.decode())
            pages.append((answer.status_code, page.replace(name, "NAME")))
            work.append(len(hashed))
        seen.append((pages, work))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][1] == [1] * MOST_FAILURES["account"] + [0]


def test_the_old_password_is_not_guessed_by_who_has_a_session(chief: User) -> None:
    thief = Client()
    thief.force_login(chief)
    form = {"old_password": "wrong", "new_password1": "other-one-8", "new_password2": "other-one-8"}
    address = reverse("admin:password_change")
    for _ in range(MOST_FAILURES["account"]):
        assert thief.post(address, form).status_code == 200
    assert thief.post(address, {**form, "old_password": RIGHT}).status_code == 429
    cache.clear()
    assert thief.post(address, {**form, "old_password": RIGHT}).status_code == 302


def test_clients_behind_a_proxy_have_their_own_addresses(chief: User, jobs_setting: Any) -> None:
    jobs_setting(TRUSTED_PROXIES=["10.0.0.0/8"])
    for number in range(MOST_FAILURES["address"] + 1):
        form = {"username": f"user{number}", "password": "wrong"}
        headers = {"X-Forwarded-For": f"1.2.3.4, 198.51.100.{number % 2}"}
        assert Client(REMOTE_ADDR="10.1.1.1", headers=headers).post("/sign-in/", form)
    one_more = {"username": "chief", "password": RIGHT}
    found = [
        Client(REMOTE_ADDR="10.1.1.1", headers={"X-Forwarded-For": client})
        .post("/sign-in/", one_more)
        .status_code
        for client in ("198.51.100.0", "198.51.100.7")
    ]
    assert found == [302, 302]  # each had half of them


def test_a_cache_that_fails_keeps_nobody_out(
    chief: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("the cache is away")

    monkeypatch.setattr("django.core.cache.backends.locmem.LocMemCache.add", fail)
    monkeypatch.setattr("django.core.cache.backends.locmem.LocMemCache.decr", fail)
    assert try_password("chief", RIGHT).status_code == 302
    assert "Attempts to sign in are not counted" in caplog.text


def test_reaching_a_limit_is_logged_once(caplog: pytest.LogCaptureFixture, ada: User) -> None:
    name = "x" * 140 + "\nforged line"
    for _ in range(MOST_FAILURES["account"] + 5):
        try_password(name, "wrong")
    (record,) = [one for one in caplog.records if one.name == attempt.logger.name]
    assert (
        record.getMessage() == f"Too many failed attempts to sign in by one account: {'x' * 100!r}"
    )


NEW = {"password1": "another-one-8", "password2": "another-one-8", "usable_password": "true"}
HASHING = {
    "/sign-in/": {"username": "chief", "password": RIGHT},
    "/admin/login/": {"username": "chief", "password": RIGHT},
    "/admin/password_change/": {
        "old_password": RIGHT,
        "new_password1": "another-one-8",
        "new_password2": "another-one-8",
    },
    "/admin/auth/user/{}/password/": NEW,
    "/admin/auth/user/add/": {"username": "grace", **NEW},
}


@pytest.mark.parametrize("page", HASHING)
def test_each_page_hashes_in_a_seat_or_not_at_all(
    chief: User, hashed: list[str], monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    taken = []
    encode = hashers.MD5PasswordHasher.encode

    def noted(self: Any, password: str, salt: str) -> str:
        taken.append(seats._taken)
        return encode(self, password, salt)

    browser = Client()
    if "login" not in page and "sign-in" not in page:
        browser.force_login(chief)
    address, form = page.format(User.objects.get().pk), HASHING[page]
    with monkeypatch.context() as full:
        full.setattr(seats, "seat", no_seat)
        answer = browser.post(address, form)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
        assert hashed == []
        assert browser.get(address).status_code == 200
    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", noted)
    assert browser.post(address, form).status_code == 302
    assert set(taken) == {1}


@contextmanager
def no_seat(number: int) -> Iterator[bool]:
    """All of them are taken."""
    yield False
