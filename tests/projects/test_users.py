"""Projects with user models of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from .maker import Project, submit_and_read

pytestmark = pytest.mark.processes

MANAGER: Final = """
import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import AbstractUser, PermissionsMixin
from django.db import models


class Manager(BaseUserManager):
    def create(self, email, **more):
        user = self.model(email=email, **more)
        user.set_password("pw")
        user.save()
        return user

    def get_by_natural_key(self, email):
        return self.get(email__iexact=email)
"""
BY_EMAIL: Final = """

class Person(AbstractUser):
    username = None
    email = models.EmailField(unique=True)
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []
    objects = Manager()

    def __str__(self):
        return f"<b>{self.email}</b>"
"""
# No is_staff, no has_perm, no is_superuser; nothing but what Django's documentation requires.
BARE: Final = """

class Person(AbstractBaseUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    USERNAME_FIELD = "email"
    objects = Manager()
"""
BY_NAME_AS_KEY: Final = """

class Person(PermissionsMixin, AbstractBaseUser):
    email = models.CharField(max_length=254, primary_key=True)
    is_staff = models.BooleanField(default=True)
    is_superuser = models.BooleanField(default=True)
    USERNAME_FIELD = "email"
    objects = Manager()
"""
SETTINGS: Final = 'AUTH_USER_MODEL = "people.Person"\nINSTALLED_APPS.insert(0, "people")\n'
NO_ADMIN: Final = 'INSTALLED_APPS.remove("django.contrib.admin")\n'
ADA: Final = 'user = get_user_model().objects.create(email="ada@example.com")'
URLS: Final = """
from django.urls import include, path

urlpatterns = [path("", include("jobs.urls"))]
"""


def make(make_project: Callable[..., Project], model: str, **parts: str) -> Project:
    files = {"people/__init__.py": "", "people/models.py": MANAGER + model}
    settings = SETTINGS + parts.pop("settings", "")
    project = make_project(settings=settings, files=files, **parts)
    project.do("makemigrations", "people", "--verbosity=0")
    return project


def test_users_who_sign_in_by_e_mail(make_project: Callable[..., Project]) -> None:
    """They are not in the admin either: it would have to search them for the form of a token."""
    project = make(make_project, BY_EMAIL)
    staff = ADA.replace('")', '", is_staff=True, is_superuser=True)')
    submit_and_read(project, staff)

    token = project.do("createtoken", "ADA@example.com", "--name", "x").strip()
    assert token.startswith("jd_")
    job = project.do("submit", "shop.double", "n=1", "--user", "ada@example.com").strip()
    admin = f"""
    from jobs.models import Job, Token

    user = get_user_model().objects.get()
    browser = sign_in(user)
    other = get_user_model().objects.create(email="<i>@example.com")
    Job.objects.filter(pk="{job}").update(owner=other.pk)
    made = browser.post("/admin/jobs/token/add/", {{"user": user.pk, "name": "made"}})
    everyone = browser.get("/jobs/?who=all").content.decode()
    found = {{
        "pages": [
            browser.get(f"/admin/jobs/{{page}}").status_code
            for page in ("job/", "job/{job}/change/", "token/", "token/add/", "upload/",
                         "token/1/change/", "queue/", "consumer/", "job/dashboard/")
        ],
        "made": [made.status_code, Token.objects.filter(name="made", user=user).count()],
        "owner": str(Job.objects.get(pk="{job}").owner),
        "escaped": "&lt;i&gt;@example.com" in everyone and "<i>" not in everyone,
        "facts": "&lt;i&gt;@example.com" in browser.get("/jobs/{job}/").content.decode(),
        "admin": "&lt;i&gt;@example.com" in browser.get("/admin/jobs/job/").content.decode(),
    }}
    """
    found = project.python(admin)
    assert found["pages"] == [200] * 9
    assert found["made"] == [200, 1]
    assert found["escaped"]
    assert found["facts"]
    assert found["admin"]


def test_users_with_nothing_but_a_name(make_project: Callable[..., Project]) -> None:
    project = make(make_project, BARE, settings=NO_ADMIN, urls=URLS)
    submit_and_read(project, ADA)
    found = project.python("""
    from jobs.submission import may_use
    from jobs.catalog import get_task
    from jobs.models import Job

    ada = get_user_model().objects.get()
    eve = get_user_model().objects.create(email="eve@example.com")
    page = f"/jobs/{Job.objects.first().pk}/"
    found = [sign_in(ada).get(page).status_code, sign_in(eve).get(page).status_code,
             sign_in(eve).get("/metrics").status_code]
    """)
    assert found == [200, 404, 403]


def test_no_app_of_djangos_but_a_user_model(make_project: Callable[..., Project]) -> None:
    """Who signs in, and where, is the project's own affair then."""
    settings = """
    AUTH_USER_MODEL = "people.Person"
    INSTALLED_APPS = ["people", "carried", "jobs", "shop"]
    MIDDLEWARE = ["people.middleware.by_header"]
    """
    middleware = """
    from types import SimpleNamespace

    from django.contrib.auth import get_user_model


    def by_header(get_response):
        def respond(request):
            name = request.headers.get("Remote-User")
            found = get_user_model().objects.filter(email=name).first()
            request.user = found or SimpleNamespace(is_authenticated=False)
            return get_response(request)

        return respond
    """
    model = MANAGER.replace(
        "from django.contrib.auth.models import AbstractUser, PermissionsMixin\n", ""
    )
    files = {
        "people/__init__.py": "",
        "people/models.py": model + BARE,
        "people/middleware.py": middleware,
    }
    project = make_project(settings=settings, urls=URLS, files=files)
    project.do("makemigrations", "people", "--verbosity=0")
    found = project.python("""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("check", fail_level="WARNING")
    user = get_user_model().objects.create(email="ada@example.com")
    browser = Client(headers={"Remote-User": user.email})
    sent = browser.post("/tasks/shop.double/", {"n": "21"})
    found = [sent.status_code, browser.get(sent.headers["Location"]).status_code,
             Client().get("/").headers["Location"]]
    """)
    assert found == [303, 200, "/accounts/login/?next=/"]
    assert ": done" in project.consume()


def test_users_whose_key_is_their_name(make_project: Callable[..., Project]) -> None:
    """Longer than the name of who cancels may be, and with more than letters in it."""
    project = make(make_project, BY_NAME_AS_KEY, settings="")
    name = "a" * 240 + "+b@example.com"
    submit_and_read(project, f'user = get_user_model().objects.create(email="{name}")')
    found = project.python("""
    from jobs.models import Job
    from jobs.catalog import get_task

    user = get_user_model().objects.get()
    job = get_task("shop.double").options(owner=user).enqueue(n=1)
    browser = sign_in(user)
    cancelled = browser.post(f"/jobs/{job.id}/cancel")
    row = Job.objects.get(pk=job.id)
    found = [cancelled.status_code, row.status, row.owner_id, len(row.cancelled_by)]
    """)
    assert found == [303, "cancelled", name, 150]
