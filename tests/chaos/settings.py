"""The tests' settings with an app that kills this process at a point, or breaks one rule."""

import os

from django.conf import global_settings

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.apps.ChaosConfig"]
# A queue of the arena's own has a stream or topic of its own: arenas share a broker.
TASKS = {
    "default": {
        "BACKEND": "jobs.backend.JobsBackend",
        "QUEUES": ["default", "mail", os.environ["CHAOS_QUEUE"]],
    }
}
if "CHAOS_FILES" in os.environ:  # what several machines share
    STORAGES = {
        **global_settings.STORAGES,
        "jobs": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": os.environ["CHAOS_FILES"]},
        },
    }
