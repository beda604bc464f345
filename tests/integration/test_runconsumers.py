"""``runconsumers`` called by code, on a database that its threads cannot see."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection


@pytest.mark.django_db
def test_a_test_case_is_told_to_drain() -> None:
    with pytest.raises(CommandError, match=r"open transaction.*jobs\.testing\.drain\(\)"):
        call_command("runconsumers", until_idle=True)


@pytest.mark.django_db(transaction=True)
def test_a_database_in_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    in_memory: Any = connection
    monkeypatch.setattr(in_memory, "is_in_memory_db", lambda: True)
    monkeypatch.setattr(in_memory, "vendor", "sqlite")
    with pytest.raises(CommandError, match=r"in memory.*jobs\.testing\.drain\(\)"):
        call_command("runconsumers", until_idle=True)
