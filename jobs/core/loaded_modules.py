"""Libraries that Jobdesk uses only where the project has loaded them."""

from __future__ import annotations

import sys
from typing import Any


def loaded(name: str) -> Any:
    """Return a module that has been imported, whole; None if nobody has imported it.

    A thread may be importing it at this moment: then ``sys.modules`` has a module that lacks some
    of its names. redis-py imports OpenTelemetry so, on a thread that receives messages.
    """
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    return None if getattr(spec, "_initializing", False) else module
