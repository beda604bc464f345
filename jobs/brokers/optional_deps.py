"""Packages that some brokers need and the default one does not."""

from __future__ import annotations

from importlib.util import find_spec

from jobs.errors import BrokerError


def require_package(module: str, extra: str) -> None:
    """Check that a package is installed, without importing it.

    Raises:
        BrokerError: it is not; the message says what to install.
    """
    if find_spec(module) is None:
        raise BrokerError(
            f"JOBS_BROKER_URL needs the package {module}, which is not installed. "
            f"Run: pip install 'jobdesk[{extra}]'"
        )
