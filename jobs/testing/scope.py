"""What is undone when the running test ends. Only the standard library: the pytest plugin loads it
in every project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_scopes: list[ExitStack] = []


@contextmanager
def undone_afterwards() -> Iterator[ExitStack]:
    """Undo at the end of the block what registers with ``current_scope`` inside it."""
    with ExitStack() as stack:
        _scopes.append(stack)
        try:
            yield stack
        finally:
            _scopes.remove(stack)


def current_scope() -> ExitStack | None:
    """Return what is unwound when the running test ends; None where nobody has said so."""
    return _scopes[-1] if _scopes else None
