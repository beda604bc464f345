"""The site's own settings, with the measured tasks and a view that does nothing."""

from __future__ import annotations

from webapp.settings import *  # noqa: F403
from webapp.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.benchmarks.benchapp.apps.BenchConfig"]
ROOT_URLCONF = "tests.benchmarks.benchapp.urls"
