"""The site's settings, with tasks that tell the tests what they do."""

import os

from webapp.settings import *  # noqa: F403
from webapp.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.windows.apps.WindowsConfig"]
TIME_ZONE = os.environ.get("WINDOWS_TIME_ZONE", "UTC")
