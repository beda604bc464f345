"""What each run of tests imports and no change can touch: loaded once, before the runs are forked.

Nothing of this project: a run must load the changed file.
"""

from __future__ import annotations

import contextlib
import importlib
from typing import Final

MODULES: Final = (
    "pytest",
    "_pytest.assertion.rewrite",
    "_pytest.python",
    "_pytest.fixtures",
    "django.conf",
    "django.contrib.admin.sites",
    "django.db.models",
    "django.db.backends.sqlite3.base",
    "django.http",
    "django.test.client",
    "django.test.utils",
    "hypothesis.strategies",
    "pydantic",
    "email_validator",
    "httpx",
    "freezegun",
    "xdist.plugin",
)

for _name in MODULES:
    with contextlib.suppress(ImportError):
        importlib.import_module(_name)
