"""Imports funboost without its side effects. The only module that imports it.

An ordinary ``import funboost`` writes configuration files into the project and logs into the home
folder, prints 75 lines, replaces ``print``, ``sys.excepthook`` and methods of ``logging.Logger``
and adds handlers to the root logger (seen with 55.0). Here it is given configuration modules of
ours, and what it replaced is put back.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import io
import logging
import os
import socket
import sys
import tempfile
import threading
import types
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from .stubs import unused_drivers

_lock = threading.RLock()

# nb_log and funboost read these modules from the project, and write them there if missing.
_NB_LOG: dict[str, Any] = {
    "PRINT_WRTIE_FILE_NAME": None,
    "SYS_STD_FILE_NAME": None,
    "AUTO_PATCH_PRINT": False,
    "SHOW_PYCHARM_COLOR_SETINGS": False,
    "SHOW_NB_LOG_LOGO": False,
    "SHOW_IMPORT_NB_LOG_CONFIG_PATH": False,
    "DEFAULUT_USE_COLOR_HANDLER": False,
    "FILTER_WORDS_PRINT": [],
    "ROOT_LOGGER_FILENAME": None,
    "ROOT_LOGGER_FILENAME_ERROR": None,
    "ROOT_LOGGER_LEVEL": logging.WARNING,
    "LOG_LEVEL_FILTER": logging.WARNING,
}


class _Settings:
    """A class of constants, as funboost expects its configuration."""

    @classmethod
    def get_dict(cls) -> dict[str, Any]:
        return {name: value for name, value in vars(cls).items() if name.isupper()}


class BrokerConnConfig(_Settings):
    """Empty: our brokers get their address from ``settings.JOBS``."""


class FunboostCommonConfig(_Settings):
    """UTC instead of Asia/Shanghai, and silence."""

    TIMEZONE = "UTC"
    SHOW_HOW_FUNBOOST_CONFIG_SETTINGS = False
    FUNBOOST_PROMPT_LOG_LEVEL = 50
    KEEPALIVETIMETHREAD_LOG_LEVEL = 50


_CONFIGURATION: dict[str, dict[str, Any]] = {
    "nb_log_config": _NB_LOG,
    "funboost_config": {
        "BrokerConnConfig": BrokerConnConfig,
        "FunboostCommonConfig": FunboostCommonConfig,
    },
}


class _ConfigurationFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Serves the configuration modules. A stub in ``sys.modules`` would not do: they reload."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _CONFIGURATION:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=__name__)

    def exec_module(self, module: types.ModuleType) -> None:
        module.__file__ = __file__
        vars(module).update(_CONFIGURATION[module.__name__])


_OURS = frozenset({"funboost", "nb_log"})
"""Packages that nothing else in this process imports."""

_RESTORED: list[tuple[Any, str]] = [
    (logging.Logger, "callHandlers"),
    (logging.Logger, "addHandler"),
    (logging.Logger, "setLevel"),
    (builtins, "print"),
    (sys, "excepthook"),
    (sys, "stdout"),
    (sys, "stderr"),
    (warnings, "showwarning"),
]


@contextlib.contextmanager
def _all_restored() -> Iterator[None]:
    """Put back what an import replaces: functions, root logger, filters, path, environment."""
    kept = [(owner, name, getattr(owner, name)) for owner, name in _RESTORED]
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    filters, path, environment = list(warnings.filters), list(sys.path), dict(os.environ)
    try:
        yield
    finally:
        for owner, name, value in kept:
            setattr(owner, name, value)
        root.handlers[:] = handlers
        root.setLevel(level)
        warnings.filters[:] = filters  # type: ignore[index]
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(environment)


@contextlib.contextmanager
def _no_network() -> Iterator[None]:
    """Refuse UDP: nb_log connects to a public address to learn the host's own."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.type == socket.SOCK_DGRAM:
            raise OSError("no network during import")
        real(self, address)

    socket.socket.connect = connect  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        socket.socket.connect = real  # type: ignore[method-assign]


@contextlib.contextmanager
def _no_plugins() -> Iterator[None]:
    """Let apscheduler find no plug-ins: it reads the metadata of every installed distribution three
    times, 70 ms of CPU where there are 157, and no consumer of ours schedules by it.

    It is loaded anew, with its plug-ins, when somebody else imports it: see ``stubs``.
    """
    real = importlib.metadata.entry_points
    importlib.metadata.entry_points = lambda **_: importlib.metadata.EntryPoints()  # type: ignore[assignment]
    try:
        yield
    finally:
        importlib.metadata.entry_points = real


def _strip_new_handlers(known: set[str]) -> None:
    """Close and remove the handlers that the import added to loggers of its own."""
    for name, found in list(logging.Logger.manager.loggerDict.items()):
        if name not in known and isinstance(found, logging.Logger):
            for handler in list(found.handlers):
                found.removeHandler(handler)
                handler.close()


def _load() -> types.ModuleType:
    known = set(logging.Logger.manager.loggerDict)
    finder = _ConfigurationFinder()
    # It stays installed: funboost reads its configuration again later.
    sys.meta_path.insert(0, finder)
    with _all_restored(), _no_network(), _no_plugins(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("PRINT_WRTIE_FILE_NAME", "SYS_STD_FILE_NAME"):
            os.environ.pop(name, None)
        os.environ["LOG_PATH"] = tempfile.gettempdir()
        with contextlib.redirect_stdout(io.StringIO()), unused_drivers(ours=_OURS):
            _silence_loggers()
            import funboost
            from funboost.consumers import base_consumer  # noqa: F401
    _silence_prints()
    _strip_new_handlers(known)
    library = logging.getLogger("funboost")
    library.setLevel(logging.WARNING)
    library.addHandler(logging.NullHandler())
    library.propagate = False
    module: types.ModuleType = funboost
    return module


def _silence_loggers() -> None:
    """Every logger of nb_log becomes a plain one, without handlers and files."""
    from nb_log import log_manager

    def plain(self: Any, *args: Any, **kwargs: Any) -> logging.Logger:
        return logging.getLogger(self._logger_name)

    log_manager.LogManager.get_logger_and_add_handlers = plain
    log_manager.LogManager.preset_log_level = lambda self, *args, **kwargs: None


def _silence_prints() -> None:
    """Let its modules print nothing: the constructor of a consumer does, and where gevent is
    installed the first use of it."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _OURS:
            vars(module)["print"] = _no_print


def _no_print(*args: Any, **kwargs: Any) -> None:
    """Print nothing."""


with _lock:
    _funboost = _load()

AbstractConsumer: Any = _funboost.AbstractConsumer
AbstractPublisher: Any = _funboost.AbstractPublisher
Booster: Any = _funboost.Booster
BoosterParams: Any = _funboost.BoosterParams
PublisherParams: Any = _funboost.PublisherParams
get_publisher: Any = _funboost.get_publisher
register_custom_broker: Any = _funboost.register_custom_broker

from funboost.concurrent_pool import FunboostBaseConcurrentPool  # noqa: E402

ConcurrentPool: Any = FunboostBaseConcurrentPool
