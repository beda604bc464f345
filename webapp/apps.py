"""The Django app of the site: the commands and the tasks of this deployment."""

from contextlib import suppress

from django.apps import AppConfig
from django.conf import settings


class WebappConfig(AppConfig):
    """Registers ``webapp``."""

    name = "webapp"
    verbose_name = "Site"

    def ready(self) -> None:
        # For this user alone. SQLite makes its file, not the folder, and even `manage.py check`
        # opens the database. Where the folder cannot be made, what needs it reports that.
        with suppress(OSError):
            settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
