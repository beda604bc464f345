"""The Django app of the site: it carries the commands and the tasks of this deployment."""

from contextlib import suppress

from django.apps import AppConfig
from django.conf import settings


class WebappConfig(AppConfig):
    """Registers ``webapp``."""

    name = "webapp"
    verbose_name = "Site"

    def ready(self) -> None:
        """Make the data folder, for this user alone. SQLite makes its file, not the folder of it.

        Even `manage.py check` opens the database. Who can't make the folder hears so from
        whatever needs it.
        """
        with suppress(OSError):
            settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
