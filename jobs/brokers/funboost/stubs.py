"""Stubs for the packages that funboost imports and does not call when Jobdesk uses it.

``import funboost`` loads clients of MongoDB and Redis, libraries of HTTP, dates, cron and queues in
files, whatever broker is used: two thirds of its time and 15 MB in each consumer process. While it
is imported they are stubs, installed or not, whose names exist and can be inherited from, but not
called. Later imports of them get the real ones.

The rule is: what is called, at its import or in a consumer, is in ``requirements.txt``; what is
only named is here. A package that is in neither fails the import.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

UNUSED: Final = frozenset(
    """
    arrow bson cron_descriptor croniter dateutil nb_filelock nb_libs orjson persistqueue
    portalocker pymongo redis redis5 requests tomorrow3 urllib3
    """.split()
)


class _Stub(type):
    """A class whose every attribute is another stub."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _make_stub(name)

    def __getitem__(cls, key: Any) -> Any:
        return cls  # a type with parameters, in an annotation

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(f"{cls.__name__} is a stub: Jobdesk uses no such part of funboost.")


def _make_stub(name: str) -> Any:
    # Only exceptions can be caught.
    return _Stub(name, (Exception,) if name.endswith(("Error", "Exception")) else (), {})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes stubs of some packages and all that is below them."""

    def __init__(self, roots: Collection[str]) -> None:
        self._roots = roots
        self.made: list[types.ModuleType] = []

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if _root(fullname) not in self._roots:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def exec_module(self, module: types.ModuleType) -> None:
        def get(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return _make_stub(name)

        vars(module)["__getattr__"] = get
        self.made.append(module)


@contextmanager
def unused_drivers(ours: Collection[str]) -> Iterator[None]:
    """Within it, an unused package that is not loaded yet is a stub.

    Args:
        ours: the packages that may keep the stubs. Any other that was loaded meanwhile and holds
            one is removed from ``sys.modules``, so that its next import loads it whole.
    """
    before = set(sys.modules)
    finder = _Finder(UNUSED - before)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        _forget(finder.made, set(sys.modules) - before, ours)


def _forget(made: list[types.ModuleType], new: set[str], ours: Collection[str]) -> None:
    holders = {_root(module.__name__) for module in made}
    holders |= {_root(name) for name in new if _holds_one(sys.modules[name], made)}
    for name in new:
        if _root(name) in holders and _root(name) not in ours:
            del sys.modules[name]


def _holds_one(module: types.ModuleType, made: list[types.ModuleType]) -> bool:
    return any(
        isinstance(value, _Stub) or any(value is one for one in made)
        for value in vars(module).values()
    )


def _root(name: str) -> str:
    return name.partition(".")[0]
