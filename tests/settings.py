"""The site's settings with a data folder made for this run, whatever the environment says.

pytest-django loads the settings before any ``conftest.py``, so the environment is prepared here.
Child processes inherit it and use the same folder.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if "JOBS_TEST_DATA_DIR" not in os.environ:
    _made = tempfile.mkdtemp(prefix="jobdesk-test-")
    os.environ["JOBS_TEST_DATA_DIR"] = _made
    atexit.register(shutil.rmtree, _made, ignore_errors=True)
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        # A run starts some hundred processes. Without compiled modules `runconsumers` takes 2.2 s
        # of CPU to start, with them 0.6 s; the caller's folders stay as they are.
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(_made) / "compiled")

os.environ["JOBS_DATA_DIR"] = os.environ["JOBS_TEST_DATA_DIR"]
os.environ["SECRET_KEY"] = "only-for-tests-" + "0123456789abcdef" * 4
os.environ["JOBS_HTTPS"] = "0"
os.environ["DEBUG"] = "0"

from webapp.settings import *  # noqa: F403

# A slow hash would take most of the run's time.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

INSTALLED_APPS = [*INSTALLED_APPS, "tests.testapp"]  # noqa: F405
TASKS = {"default": {"BACKEND": "jobs.backend.JobsBackend", "QUEUES": ["default", "mail"]}}

# How long a process under test keeps a connection, and whether it looks at one before a job.
if "TEST_CONN_MAX_AGE" in os.environ:
    _seconds = os.environ["TEST_CONN_MAX_AGE"]
    DATABASES["default"]["CONN_MAX_AGE"] = None if _seconds == "None" else int(_seconds)  # noqa: F405
if "TEST_CONN_HEALTH_CHECKS" in os.environ:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = os.environ["TEST_CONN_HEALTH_CHECKS"] == "1"  # noqa: F405
