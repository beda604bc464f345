"""The site's settings, read from the environment. `jobs/docs/settings.md` lists the variables."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import django
from django.conf import global_settings

from . import database, env, file_storage, mail
from .secret import read_secret

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env.folder("JOBS_DATA_DIR", BASE_DIR / "var", base=BASE_DIR)

DEBUG = env.flag("DEBUG")
# Empty if there is none: Django then raises when it signs something, and the servers (wsgi.py,
# asgi.py) refuse to start. `manage.py up` makes one.
SECRET_KEY = read_secret(DATA_DIR)
ALLOWED_HOSTS = env.csv("ALLOWED_HOSTS", ("127.0.0.1", "localhost", "[::1]"))
CSRF_TRUSTED_ORIGINS = env.csv("CSRF_TRUSTED_ORIGINS")
# A deployment is reached by HTTPS, through a proxy that sets X-Forwarded-Proto (and drops what a
# client sends under that name). `manage.py up` serves plain HTTP on this machine: it sets 0.
HTTPS = env.flag("JOBS_HTTPS", default=not DEBUG)
PRIVATE_NETWORKS = (
    "127.0.0.0/8",
    "::1/128",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
)
# The path below which a proxy serves this site. gunicorn reads SCRIPT_NAME as well.
PATH_PREFIX = env.path_prefix("JOBS_PATH_PREFIX") or env.path_prefix("SCRIPT_NAME")
FORCE_SCRIPT_NAME = PATH_PREFIX or None

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "jobs",
    "webapp",
]
MIDDLEWARE = [
    # The first three only add headers, to what the next two answer as well.
    "jobs.api.request_ids.identify_requests",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "webapp.headers.content_security_policy",
    "webapp.https_only.refuse_plain_http",
    "jobs.api.probes.answer_probes",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "webapp.form_limit.LimitForms",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "webapp.database_away.explain_database_faults",
]
ROOT_URLCONF = "webapp.urls"
WSGI_APPLICATION = "webapp.wsgi.application"
ASGI_APPLICATION = "webapp.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Where things are kept -------------------------------------------------------------------

_DATABASE_URL = env.text("DATABASE_URL")
DATABASES = {
    "default": database.from_url(_DATABASE_URL, base=BASE_DIR)
    if _DATABASE_URL
    else database.sqlite(DATA_DIR / "db.sqlite3")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Uploads and artifacts lie in the data folder, unless consumers on other machines must find them.
STORAGES: dict[str, Any] = {
    **global_settings.STORAGES,
    "staticfiles": {"BACKEND": "webapp.static_files.PrefixedStaticStorage"},
}
if _STORAGE_URL := env.text("JOBS_STORAGE_URL"):
    STORAGES = {**STORAGES, "jobs": file_storage.from_url(_STORAGE_URL, base=BASE_DIR)}

# --- Jobs ------------------------------------------------------------------------------------

MAX_BODY = env.whole("JOBS_MAX_BODY", 1024**2, minimum=1)
# Django's own limit on a form without its files; the limit in JOBS is reached first.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * MAX_BODY
TASKS = {"default": {"BACKEND": "jobs.backend.JobsBackend", "QUEUES": ["default"]}}
JOBS = {
    "DATA_DIR": DATA_DIR,
    "BROKER_URL": env.text("JOBS_BROKER_URL", "database://"),
    "LEASE_SECONDS": env.number("JOBS_LEASE_SECONDS", 30, minimum=1),
    "GRACE_SECONDS": env.number("JOBS_GRACE_SECONDS", 25),
    "SWEEP_SECONDS": env.number("JOBS_SWEEP_SECONDS", 5, minimum=0.1),
    "MAX_BODY": MAX_BODY,
    "MAX_UPLOAD": env.whole("JOBS_MAX_UPLOAD", 100 * 1024**2, minimum=1),
    "MAX_BACKLOG": env.whole("JOBS_MAX_BACKLOG", 100_000, minimum=1),
    "USER_MAX_UNFINISHED": env.whole("JOBS_USER_MAX_UNFINISHED", 50_000),
    "USER_MAX_PER_MINUTE": env.whole("JOBS_USER_MAX_PER_MINUTE", 60_000),
    "USER_MAX_UNCLAIMED": env.whole("JOBS_USER_MAX_UNCLAIMED", 1024**3),
    "RETENTION_DAYS": env.number("JOBS_RETENTION_DAYS", 30, minimum=1),
    "SERVER_THREADS": env.whole("JOBS_SERVER_THREADS", 0),
    "FOREIGN_OWNER": env.text("JOBS_FOREIGN_OWNER"),
    "TRUSTED_PROXIES": env.csv("JOBS_TRUSTED_PROXIES", PRIVATE_NETWORKS if HTTPS else ()),
    "WEBHOOK_SCHEMES": env.csv("JOBS_WEBHOOK_SCHEMES", ("https",)),
    "WEBHOOK_NETWORKS": env.csv("JOBS_WEBHOOK_NETWORKS"),
    "USER_MAX_WEBHOOKS": env.whole("JOBS_USER_MAX_WEBHOOKS", 20, minimum=1),
}
# Counts of failed sign-ins are kept here, in the memory of each process. An attacker with many
# addresses must not push them out.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

# --- Mail, as Django has it ------------------------------------------------------------------

globals().update(mail.settings_of(django.VERSION))
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "jobdesk@localhost")

# Private networks that the task fetch_url may reach nevertheless.
FETCH_ALLOW_NETWORKS = env.csv("FETCH_ALLOW_NETWORKS")

# --- Signing in and safety -------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# Names of addresses, which are found below a path prefix as well.
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "jobs:home"
LOGOUT_REDIRECT_URL = "sign-in"

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = HTTPS
# Prometheus asks a process directly. `webapp.https_only` refuses other tokens over plain HTTP. The
# path begins with the prefix, if there is one.
SECURE_REDIRECT_EXEMPT = [r"^(.+/)?metrics$"]
SECURE_HSTS_SECONDS = env.whole("JOBS_HSTS_SECONDS", 365 * 24 * 3600) if HTTPS else 0
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
if PATH_PREFIX:
    # A host name that is shared has another site, whose cookies are called the same. Their path
    # alone does not part them: of two with one name, Django takes the other site's.
    SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = PATH_PREFIX
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "jobdesk_sessionid", "jobdesk_csrftoken"
# HSTS for subdomains and HSTS preloading are decisions of the domain's owner, not of this site.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
X_FRAME_OPTIONS = "DENY"

# --- Static files: served by the site itself, without `collectstatic` ------------------------

STATIC_URL = "static/"
WHITENOISE_STATIC_PREFIX = "/static/"  # below the path prefix, whatever that is
STATIC_ROOT = env.text("STATIC_ROOT") or None
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 300 if not DEBUG else 0

# --- Language and time -----------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# --- Logging: to the console only, one line each ---------------------------------------------

# A line for each request that the server of `up` has answered; others have logs of their own.
ACCESS_LOG = env.flag("JOBS_ACCESS_LOG")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "no problem": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: record.levelno < logging.WARNING,
        },
        "strangers": {"()": "webapp.strangers_log.StrangersFilter"},
        "refusals": {"()": "webapp.strangers_log.RefusalsFilter"},
    },
    "formatters": {"line": {"()": "jobs.core.log_lines.LineFormatter"}},
    "handlers": {
        "news": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "level": "INFO",
            "filters": ["no problem"],
        },
        "problems": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "level": "WARNING",
            "filters": ["strangers"],
        },
    },
    # Every record goes on to the root logger, where an error tracker's handler belongs: problems
    # are written there, and everything else of ours by a handler of its own.
    "root": {"handlers": ["problems"], "level": "INFO"},
    "loggers": {
        "jobs": {"handlers": ["news"], "level": "INFO"},
        "webapp": {"handlers": ["news"], "level": "INFO"},
        # A consumer logs each failure with its exception; theirs would be a second record, and one
        # for each success.
        "django.tasks": {"level": "CRITICAL"},
        "django_tasks": {"level": "CRITICAL"},
        "funboost": {"level": "WARNING"},
        # At the logger, so that handlers that projects add, and error trackers, are spared as well.
        "django.request": {"filters": ["refusals"]},
    },
}
