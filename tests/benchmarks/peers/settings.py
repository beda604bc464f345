"""What ``startproject`` gives, with SQLite in WAL mode, and what the measured peer adds."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks.sandbox import Sandbox
from tests.benchmarks.systems import systems

SANDBOX = Sandbox.from_environment()
MEASURED = systems()[SANDBOX.system]

_values: dict[str, Any] = {
    "SECRET_KEY": "only-for-the-benchmark",
    "DEBUG": False,
    "ALLOWED_HOSTS": ["*"],
    "USE_TZ": True,
    "TIME_ZONE": "UTC",
    "ROOT_URLCONF": "tests.benchmarks.peers.urls",
    "STATIC_URL": "static/",
    "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
    "INSTALLED_APPS": [
        *(
            f"django.contrib.{name}"
            for name in "admin auth contenttypes sessions messages staticfiles".split()
        ),
        "tests.benchmarks.peers",
    ],
    "MIDDLEWARE": [
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    "DATABASES": {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(SANDBOX.folder / "db.sqlite3"),
            # synchronous stays as SQLite and Django ship it: FULL.
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL;",
            },
        }
    },
}
if MEASURED.postgres:
    _url = urlsplit(SANDBOX.postgres_url())
    _values["DATABASES"]["default"] = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": _url.hostname,
        "PORT": _url.port,
        "USER": _url.username,
        "PASSWORD": _url.password or "",
        "NAME": _url.path.removeprefix("/"),
    }
MEASURED.settings(_values, SANDBOX)
globals().update(_values)
