"""Installs what the environment asks for. Production code knows nothing of it."""

from __future__ import annotations

import os

from django.apps import AppConfig


class ChaosConfig(AppConfig):
    """Tasks that keep a ledger, kill points (``FAULT``), broken rules (``MUTATION``)."""

    name = "tests.chaos"
    label = "chaos"

    def ready(self) -> None:
        """Install the point and the mutation, if any."""
        # Imported by who asks for one: each import takes most of the worker along, and a storm
        # starts processes by the hundred.
        if point := os.environ.get("FAULT"):
            from tests.chaos import faults

            faults.install(point)
        if name := os.environ.get("MUTATION"):
            from tests.chaos import mutations

            mutations.MUTATIONS[name]()
