"""The addresses of static files."""

from __future__ import annotations

from django.contrib.staticfiles.storage import StaticFilesStorage
from django.urls import get_script_prefix


class PrefixedStaticStorage(StaticFilesStorage):
    """Puts the path prefix of the request before each address.

    Django reads ``STATIC_URL`` once, at the start, when a prefix that a server tells with each
    request (``SCRIPT_NAME``, ``--root-path``) is not known yet.
    """

    @property
    def base_url(self) -> str:
        """The address of the folder."""
        return f"{get_script_prefix()}static/"
