"""Whether gevent runs this process."""

from __future__ import annotations

import sys


def has_greenlets() -> bool:
    """Whether gevent runs a greenlet in place of each thread. gevent is not imported for it."""
    gevent = sys.modules.get("gevent.monkey")
    return gevent is not None and bool(gevent.is_module_patched("threading"))
