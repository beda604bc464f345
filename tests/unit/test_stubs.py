"""funboost gets stubs of the drivers that nothing calls; everything else gets the drivers."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.brokers.funboost import stubs

LIBRARY = """
import driver.client as client
from driver import Index, errors

class Mine(client.Client):
    limit: "client.Options[int]" = None

def ask():
    try:
        raise errors.DriverError("away")
    except errors.DriverError:
        return "caught"
"""


@pytest.fixture
def libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A library on the path, and a driver that it wants."""
    (tmp_path / "library.py").write_text(LIBRARY, encoding="utf-8")
    (tmp_path / "driver").mkdir()
    (tmp_path / "driver" / "__init__.py").write_text("Index = 'the real one'", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(stubs, "UNUSED", frozenset({"driver"}))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in {"driver", "library"}]:
        del sys.modules[name]


@pytest.mark.usefixtures("libraries")
def test_a_library_that_keeps_a_stub_may_name_it_but_not_call_it() -> None:
    with stubs.unused_drivers(ours={"library"}):
        library = importlib.import_module("library")
    assert sys.modules["library"] is library
    with pytest.raises(RuntimeError, match="Client is a stub"):
        library.client.Client()
    with pytest.raises(RuntimeError, match="Mine is a stub"):
        library.Mine()


@pytest.mark.usefixtures("libraries")
def test_later_imports_get_the_real_driver() -> None:
    with stubs.unused_drivers(ours=()):
        forgotten = importlib.import_module("library")
    assert forgotten.Index != "the real one"
    assert "library" not in sys.modules
    assert importlib.import_module("driver").Index == "the real one"


@pytest.mark.usefixtures("libraries")
def test_a_driver_that_is_loaded_already_stays() -> None:
    driver = importlib.import_module("driver")
    with stubs.unused_drivers(ours=()):
        assert importlib.import_module("driver") is driver
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("driver.client")
