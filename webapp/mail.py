"""The mail settings, from the environment, in the form that this Django takes."""

from __future__ import annotations

from typing import Any

from . import env

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def settings_of(django_version: tuple[Any, ...]) -> dict[str, Any]:
    """Return the settings: ``MAILERS`` since Django 6.1, the ``EMAIL_...`` names before."""
    backend = env.text("EMAIL_BACKEND", SMTP)
    options = {
        "host": env.text("EMAIL_HOST", "localhost"),
        "port": env.whole("EMAIL_PORT", 25, minimum=1),
        "username": env.text("EMAIL_HOST_USER"),
        "password": env.text("EMAIL_HOST_PASSWORD"),
        "use_tls": env.flag("EMAIL_USE_TLS"),
        "use_ssl": env.flag("EMAIL_USE_SSL"),
        "timeout": env.number("EMAIL_TIMEOUT", 30, minimum=1),
    }
    if django_version >= (6, 1):
        # Other backends than SMTP refuse options that they do not know.
        return {"MAILERS": {"default": _mailer(backend, options)}}
    renamed = {"username": "HOST_USER", "password": "HOST_PASSWORD"}
    return {"EMAIL_BACKEND": backend} | {
        f"EMAIL_{renamed.get(name, name.upper())}": value for name, value in options.items()
    }


def _mailer(backend: str, options: dict[str, Any]) -> dict[str, Any]:
    return {"BACKEND": backend} | ({"OPTIONS": options} if backend == SMTP else {})
