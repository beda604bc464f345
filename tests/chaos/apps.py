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
        from . import faults, mutations

        if point := os.environ.get("FAULT"):
            faults.install(point)
        if name := os.environ.get("MUTATION"):
            mutations.MUTATIONS[name]()
