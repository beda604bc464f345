"""The Django app."""

from django.apps import AppConfig
from django.core.signals import request_finished


class JobsConfig(AppConfig):
    """Registers the system checks, and the broker's preparation after a server's first request."""

    name = "jobs"
    verbose_name = "Jobdesk"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Here, not at the top: these import models, which need the app registry.
        from .brokers import warm_up
        from .checks import pages  # noqa: F401  (importing registers all of them)
        from .models.user_key import follow_deletions

        request_finished.connect(warm_up)
        follow_deletions()
