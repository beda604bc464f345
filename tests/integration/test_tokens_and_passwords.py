"""What a change of password, and the end of a user, mean for the user's API tokens."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from jobs.models import Token

pytestmark = pytest.mark.django_db

OLD, NEW = "long-enough-7", "another-one-8"


@pytest.fixture
def chief(db: None) -> User:
    return User.objects.create_superuser("chief", password=OLD)


@pytest.fixture
def browser(chief: User) -> Client:
    client = Client()
    client.force_login(chief)
    return client


def status_with(token: str) -> int:
    client = Client(headers={"Authorization": f"Bearer {token}"})
    return int(client.get("/api/v1/jobs").status_code)


def test_a_token_survives_a_change_of_password_and_the_user_is_told(
    chief: User, browser: Client
) -> None:
    token = Token.objects.issue(chief)[1]
    form = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW}
    page = browser.post(reverse("admin:password_change"), form, follow=True)
    assert "This user still has 1 API token:" in page.content.decode()
    assert status_with(token) == 200


def test_whoever_changes_somebodys_password_is_told(
    chief: User, ada: User, browser: Client
) -> None:
    tokens = [Token.objects.issue(ada)[1] for _ in range(2)]
    address = reverse("admin:auth_user_password_change", args=[ada.pk])
    form = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    page = browser.post(address, form, follow=True)
    assert "This user still has 2 API tokens:" in page.content.decode()
    ada.refresh_from_db()
    assert ada.check_password(NEW)
    assert [status_with(token) for token in tokens] == [200, 200]


def test_without_tokens_nothing_is_said(chief: User, browser: Client) -> None:
    form = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW}
    page = browser.post(reverse("admin:password_change"), form, follow=True)
    assert page.status_code == 200
    assert "API token" not in page.content.decode()


def test_a_password_that_does_not_fit_changes_nothing(chief: User, browser: Client) -> None:
    Token.objects.issue(chief)
    form = {"old_password": OLD, "new_password1": NEW, "new_password2": "else"}
    page = browser.post(reverse("admin:password_change"), form)
    assert page.status_code == 200
    assert "This user still has" not in page.content.decode()


def test_who_may_not_sign_in_any_more_has_no_token(ada: User) -> None:
    token = Token.objects.issue(ada)[1]
    assert status_with(token) == 200
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert status_with(token) == 401
    User.objects.filter(pk=ada.pk).update(is_active=True)
    assert status_with(token) == 200
    ada.delete()
    assert status_with(token) == 401


def test_others_may_not_change_a_password(ada: User, bob: User) -> None:
    client = Client()
    client.force_login(bob)
    form = {"password1": NEW, "password2": NEW}
    address = reverse("admin:auth_user_password_change", args=[ada.pk])
    assert "/admin/login/" in client.post(address, form).headers["Location"]
    ada.refresh_from_db()
    assert ada.check_password(OLD)
