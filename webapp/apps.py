"""The Django app of the site: it carries the commands and the tasks of this deployment."""

from django.apps import AppConfig


class WebappConfig(AppConfig):
    """Registers ``webapp``."""

    name = "webapp"
    verbose_name = "Site"
