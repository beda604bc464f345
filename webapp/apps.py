"""The Django app of the site: the commands and the tasks of this deployment."""

from contextlib import suppress
from pathlib import Path

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
        database = settings.DATABASES["default"]
        is_file = database["ENGINE"].endswith(".sqlite3")
        keep_data_private(settings.DATA_DIR, Path(database["NAME"]) if is_file else None)


def keep_data_private(folder: Path, database: Path | None) -> None:
    """Let nobody else read what is ours in a data folder that others can enter.

    Its own permissions stay: somebody may have a reason for them.

    Args:
        folder: the data folder.
        database: the file of SQLite.
    """
    from jobs.core.private_files import (
        create_private,
        database_files,
        is_entered_by_others,
        keep_private,
    )

    ours = [folder / name for name in ("secret", "files", "incoming", "tmp", "locks")]
    if database is not None:
        if is_entered_by_others(database.parent):
            with suppress(OSError):
                create_private(database)  # before SQLite makes it, for everybody to read
        ours += database_files(database)
    keep_private(ours)
