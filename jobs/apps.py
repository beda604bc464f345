"""The Django app."""

from django.apps import AppConfig
from django.core.signals import request_finished


class JobsConfig(AppConfig):
    """Registers the system checks and finds the tasks of every installed app."""

    name = "jobs"
    verbose_name = "Jobdesk"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import what registers itself."""
        from . import checks  # noqa: F401
        from .brokers import warm_up

        request_finished.connect(warm_up)
