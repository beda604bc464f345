"""Settings of the example project: a project that uses Jobdesk and tests its own tasks."""

import os
from pathlib import Path
from urllib.parse import urlsplit

BASE_DIR = Path(__file__).parent
SECRET_KEY = "only-for-tests"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "jobs", "shop"]
QUEUES = ["default", "mail"]
EAGER = {"BACKEND": "jobs.testing.EagerBackend", "QUEUES": QUEUES}
TASKS = {
    "default": {"BACKEND": "jobs.backend.JobsBackend", "QUEUES": QUEUES},
    "eager": EAGER,
    "strict": {**EAGER, "OPTIONS": {"RAISE_ERRORS": True}},
    "once": {**EAGER, "OPTIONS": {"RETRIES": False}},
}
# No such server: a test that told it of a job would say so on a thread of its own.
JOBS = {"DATA_DIR": BASE_DIR / "var", "BROKER_URL": "redis://127.0.0.1:1/0"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

_url = urlsplit(os.environ.get("SHOP_POSTGRES", ""))
_postgres = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": "postgres",
    "USER": _url.username,
    "PASSWORD": _url.password,
    "HOST": _url.hostname,
    "PORT": _url.port,
    "TEST": {"NAME": os.environ.get("SHOP_DATABASE")},
}
_sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}
DATABASES = {"default": _postgres if _url.hostname else _sqlite}
