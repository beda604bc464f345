"""System checks of what the pages need of a project.

Under a tag of their own: they import every view, for which ``runconsumers`` need not wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils.module_loading import import_string

MIDDLEWARE: Final = "django.contrib.auth.middleware.AuthenticationMiddleware"


@checks.register("jobs_pages")
def check_pages(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report what keeps the pages from being shown, in a project that includes them."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    try:
        reverse("jobs:home")
    except NoReverseMatch:
        return list(_misplaced(get_resolver().url_patterns))
    return [*_templates(), *_middleware()]


def _misplaced(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[checks.CheckMessage]:
    """Report our addresses inside a namespace: none of them would be found by its name."""
    for pattern in patterns:
        if not isinstance(pattern, URLResolver):
            continue
        if getattr(pattern.urlconf_module, "__name__", "") == "jobs.web.urls":
            yield checks.Error(
                "jobs.urls is included under a namespace, so that its pages do not find each"
                " other's addresses.",
                hint='Include it without one: path("desk/", include("jobs.urls")).',
                id="jobs.E017",
            )
            return
        yield from _misplaced(pattern.url_patterns)


def _templates() -> Iterator[checks.CheckMessage]:
    try:
        get_template("jobs/base.html")
    except TemplateDoesNotExist:
        yield checks.Error(
            "The templates of Jobdesk's pages are not found.",
            hint="TEMPLATES needs django.template.backends.django.DjangoTemplates, with"
            ' "APP_DIRS": True or the loader django.template.loaders.app_directories.Loader.',
            id="jobs.E018",
        )


def _middleware() -> Iterator[checks.CheckMessage]:
    if not apps.is_installed("django.contrib.auth"):
        return  # Django's middleware needs that app: the project must have one of its own
    from jobs.web.access import NO_USERS  # late: a command has no use for the pages

    usual = import_string(MIDDLEWARE)
    if not any(_is_kind_of(name, usual) for name in settings.MIDDLEWARE):
        yield checks.Warning(
            NO_USERS,
            hint="Without them the JSON API works, with tokens; the pages do not.",
            id="jobs.W013",
        )


def _is_kind_of(name: str, middleware: type) -> bool:
    found = import_string(name)
    return isinstance(found, type) and issubclass(found, middleware)
