"""How attempts failed: as errors of Django's ``TaskResult``, and as exceptions."""

from __future__ import annotations

import builtins
from importlib import import_module
from typing import Final

from jobs.compat import TaskError
from jobs.errors import AttemptFailed

_PATHS: Final = {
    "Cancelled": "jobs.errors.JobCancelled",
    "InvalidArguments": "jobs.errors.InvalidArguments",
    "Timeout": "jobs.errors.Timeout",
    "UnknownTask": "jobs.errors.UnknownTask",
    "WorkerDied": "jobs.errors.WorkerDied",
    # What Django's own backends raise for a result that is no JSON.
    "InvalidResult": "builtins.TypeError",
}
"""The classes behind the short names that a job's row and the JSON API have for our own errors."""


class AttemptError(TaskError):
    """Django's ``TaskError``, which also finds a class inside a class (``Book.DoesNotExist``)."""

    __slots__ = ()

    @property
    def exception_class(self) -> type[BaseException]:
        """The class of the exception.

        Raises:
            ImportError: there is none at this path: it was defined inside a function, or is gone.
            ValueError: what is there is no exception.
        """
        found = _class_at(self.exception_class_path)
        if not isinstance(found, type) or not issubclass(found, BaseException):
            raise ValueError(f"{self.exception_class_path!r} does not reference a valid exception.")
        return found


def _class_at(path: str) -> object:
    """Import what has this path: a module, then names inside of it."""
    steps = path.split(".")
    for length in range(len(steps) - 1, 0, -1):
        name = ".".join(steps[:length])
        try:
            found: object = import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and f"{name}.".startswith(f"{error.name}."):
                continue  # a class, not a module
            raise
        try:
            for step in steps[length:]:
                found = getattr(found, step)
        except AttributeError as error:
            raise ImportError(f"Module {name!r} does not define {path!r}.") from error
        return found
    raise ImportError(f"{path!r} is no path of a class.")


def exception_class_path(error_type: str) -> str:
    """Return the import path of an error's class, from the name that the job's row has for it."""
    if error_type in _PATHS:
        return _PATHS[error_type]
    return f"builtins.{error_type}" if hasattr(builtins, error_type) else error_type


def attempt_error(error_type: str, message: str, traceback: str) -> AttemptError:
    """Return the error of an attempt, as its row describes it.

    An error without a traceback (a time limit, a process that died) gets a line with its message,
    because ``TaskError`` has no other place for it.
    """
    path = exception_class_path(error_type)
    if error_type == "InvalidResult":
        # The words of Django's own error and of the json module's.
        message = f"Unsupported type, or a value that is not JSON serializable: {message}"
    name = path.removeprefix("builtins.")
    return AttemptError(exception_class_path=path, traceback=traceback or f"{name}: {message}\n")


class _RemoteTraceback(Exception):
    """The text of a traceback from another process, which Python prints as the cause."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


def exception_again(error_type: str, message: str, traceback: str) -> BaseException:
    """Return an exception like the one that was raised in another process or had no object.

    Its class is the same where it can be imported and made without knowing its arguments, otherwise
    ``AttemptFailed``; the traceback that was recorded is its cause.
    """
    exception = _instance(exception_class_path(error_type), message)
    if exception is None:
        exception = AttemptFailed(f"{error_type}: {message}")
    if traceback:
        exception.__cause__ = _RemoteTraceback(traceback)
    return exception


def _instance(path: str, message: str) -> BaseException | None:
    """Make an exception without calling its ``__init__``; None where that does not work."""
    try:
        kind = AttemptError(exception_class_path=path, traceback="").exception_class
        exception = kind.__new__(kind, message)
        exception.args = (message,)
        str(exception)
    except Exception:  # noqa: BLE001  (any code may be in a project's class, or in its module)
        return None
    return exception
