"""What ``@job`` can be put on, and what takes its place where it was put on something else."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final

_PROBLEM: Final = "__jobdesk_problem__"
_LOCATION: Final = "__jobdesk_location__"


def problem_of(given: object) -> str | None:
    """Return why something cannot be a task; None for a function that can."""
    noted = getattr(given, _PROBLEM, None)
    if noted is not None:
        return str(noted)
    if not isinstance(given, FunctionType):
        kind = "class" if inspect.isclass(given) else type(given).__name__
        return f"it is a {kind}, not a function; put @job on a function that uses it"
    if given.__name__ == "<lambda>":
        return "it is a lambda, which no other process can find; give it a name with def"
    if inspect.isgeneratorfunction(given) or inspect.isasyncgenfunction(given):
        return "it is a generator function, whose body nothing would run; return a list"
    if _is_method(given):
        return "it is a method; put @job on a function of the module"
    return None


def _is_method(function: FunctionType) -> bool:
    outer = function.__qualname__.rpartition(".")[0]
    first = next(iter(inspect.signature(function).parameters), "")
    return first in {"self", "cls"} and bool(outer) and not outer.endswith("<locals>")


def as_function(given: Any) -> Callable[..., Any]:
    """Return a function as it is, or one that stands for what is no function.

    It is never called: ``manage.py check`` tells what is wrong, and so does ``enqueue``.
    """
    if isinstance(given, FunctionType):
        return given

    def stand_in() -> None:
        raise AssertionError("never called")

    frame = sys._getframe()
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("jobs.catalog."):
        frame = frame.f_back
    name = getattr(given, "__qualname__", None) or type(given).__name__
    stand_in.__module__ = str(frame.f_globals.get("__name__", ""))
    stand_in.__qualname__ = str(name)
    stand_in.__name__ = str(name).rpartition(".")[2]
    setattr(stand_in, _PROBLEM, problem_of(given))
    setattr(stand_in, _LOCATION, f"{frame.f_code.co_filename}:{frame.f_lineno}")
    return stand_in


def location_of(function: Callable[..., Any]) -> str:
    """Return the file and line of a declaration, as ``path:line``."""
    noted = getattr(function, _LOCATION, None)
    if noted is not None:
        return str(noted)
    code = inspect.unwrap(function).__code__
    return f"{code.co_filename}:{code.co_firstlineno}"
