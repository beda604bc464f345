"""What ``using`` takes, of both kinds of desks."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import datetime
from typing import Any, TypedDict, TypeVar

from .arguments import Options

D = TypeVar("D", bound=Any)


class GivenOptions(TypedDict, total=False):
    """The options of ``using``; ``arguments.Options`` says what each is."""

    queue: str | None
    priority: int | None
    run_after: datetime | str | None
    max_attempts: int | None
    unique_key: str | None
    idempotency_key: str | None


def changed(desk: D, options: GivenOptions) -> D:
    """Return a desk with other options, and the same connections.

    Raises:
        TypeError: there is no such option.
    """
    found = copy.copy(desk)
    before: Options = desk._options
    found._options = replace(before, **options)
    return found
