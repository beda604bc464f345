"""``DATABASE_URL`` to Django's ``DATABASES["default"]``."""

from jobs.core.database_url import from_url, sqlite

__all__ = ["from_url", "sqlite"]
