"""The Django app."""

import logging

from django.apps import AppConfig
from django.core.signals import request_finished
from django.db.backends.signals import connection_created


class JobsConfig(AppConfig):
    """Registers the system checks and the receivers of Django's signals."""

    name = "jobs"
    verbose_name = "Jobdesk"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Here, not at the top: these import models, which need the app registry.
        from .brokers import warm_up
        from .checks import pages  # noqa: F401  (importing registers all of them)
        from .core import schema  # noqa: F401  (notes when this process started)
        from .core.database_file import remember_file
        from .models.user_key import follow_deletions

        request_finished.connect(warm_up)
        connection_created.connect(remember_file)
        follow_deletions()
        _enable_loggers()


def _enable_loggers() -> None:
    """Let the app log where the project's settings import it (``from jobs import Every``).

    Its loggers are there then when Django applies ``LOGGING``, which disables those that it does
    not name unless it says ``"disable_existing_loggers": False``. No other app is muted so.
    """
    for name, logger in logging.root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger) and name.partition(".")[0] == "jobs":
            logger.disabled = False
