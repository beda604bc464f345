"""Settings for a foreign suite: our app, a database file, Django's default logging."""

from tests.settings import *  # noqa: F403

LOGGING = {"version": 1, "disable_existing_loggers": False}
DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "suite.sqlite3")}  # noqa: F405
JOBS["SWEEP_SECONDS"] = 1  # noqa: F405
TASKS = {"default": {"BACKEND": "jobs.backend.JobsBackend", "QUEUES": ["default", "queue-1"]}}
