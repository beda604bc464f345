"""A project with Django's default logging, whose administrators get mail, and with receivers."""

from typing import Any

import django

from tests.settings import *  # noqa: F403

_FOLDER = JOBS["DATA_DIR"] / "mail"  # type: ignore[operator]  # noqa: F405
_BACKEND = "django.core.mail.backends.filebased.EmailBackend"

# Django's own configuration comes first: its logger mails errors to ADMINS.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"jobs": {"handlers": ["console"], "level": "INFO"}},
}
ADMINS: list[Any]
if django.VERSION >= (6, 1):
    ADMINS = ["admin@example.com"]
    MAILERS = {"default": {"BACKEND": _BACKEND, "OPTIONS": {"file_path": _FOLDER}}}
else:
    # The backport's logger is not below Django's.
    LOGGING["handlers"]["admins"] = {"class": "django.utils.log.AdminEmailHandler"}
    LOGGING["loggers"]["django_tasks"] = {"handlers": ["admins"], "level": "ERROR"}
    ADMINS = [("Admin", "admin@example.com")]
    EMAIL_BACKEND, EMAIL_FILE_PATH = _BACKEND, _FOLDER
INSTALLED_APPS = [*INSTALLED_APPS, "tests.signalapp"]  # noqa: F405
