"""What a consumer says reaches the console in a project that has not set ``LOGGING``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from jobs.core.log_lines import LineFormatter


@contextmanager
def logged_to_console() -> Iterator[None]:
    """Within it, the logger ``jobs`` writes INFO and above to standard error.

    Nothing is changed where the project has given it, or the root logger, a handler.
    """
    logger = logging.getLogger("jobs")
    if logger.hasHandlers():
        yield
        return
    handler, level = logging.StreamHandler(), logger.level
    handler.setFormatter(LineFormatter())
    logger.addHandler(handler)
    if level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
