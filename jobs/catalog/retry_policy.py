"""Which exceptions of a task are worth another attempt: ``retry_on`` and ``give_up_on``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Exceptions = tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The classes that a declaration lists; None where it lists none.

    The class that is nearest to the exception's own decides. With ``retry_on`` every exception that
    neither lists is final, without it such an exception is retried. A group (PEP 654) that is not
    listed itself is retried if each exception in it would be.
    """

    retry_on: Exceptions | None = None
    give_up_on: Exceptions | None = None

    def why_final(self, error: BaseException) -> str:
        """Return why an exception is not worth another attempt, "" if it is."""
        for kind in type(error).__mro__:
            if kind in (self.give_up_on or ()):
                return f"{kind.__name__} is in give_up_on"
            if kind in (self.retry_on or ()):
                return ""
        if isinstance(error, BaseExceptionGroup):
            return next(filter(None, map(self.why_final, error.exceptions)), "")
        return "" if self.retry_on is None else f"{type(error).__name__} is not in retry_on"


def as_classes(value: Any) -> Any:
    """Return what a declaration gives as a tuple: one class or several. Whether they are classes of
    exceptions, ``manage.py check`` says."""
    if value is None or isinstance(value, tuple):
        return value
    return tuple(value) if isinstance(value, list | set | frozenset) else (value,)


def wrong_policy(retry_on: Any, give_up_on: Any) -> Iterator[str]:
    """Yield what is wrong with the two options of a declaration, as sentences for its author."""
    for name, given in (("retry_on", retry_on), ("give_up_on", give_up_on)):
        for kind in given or ():
            if not (isinstance(kind, type) and issubclass(kind, BaseException)):
                yield f"{name} must be exception classes, not {kind!r}"
    for kind in retry_on or ():
        if kind in (give_up_on or ()):
            yield f"retry_on and give_up_on both have {getattr(kind, '__name__', repr(kind))}"
