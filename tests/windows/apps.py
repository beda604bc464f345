"""The tasks of these tests, as an app that is installed beside the site's."""

from __future__ import annotations

from django.apps import AppConfig


class WindowsConfig(AppConfig):
    """Its tasks run on Windows, in the processes of the site."""

    name = "tests.windows"
    label = "windows"
