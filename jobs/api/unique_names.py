"""Names that stay apart in every language: generators of clients rewrite them."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable


def unique_names(wanted: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Return a name for each wanted one: itself, with a digest where another is as good as equal.

    To a generator `app.count_words` and `app_count.words` are one class, ``AppCountWords``: only
    letters and digits count, in either case. What a name becomes depends on no order.

    Args:
        wanted: the names, each once.
        taken: names that are used already.
    """
    wanted = list(wanted)
    counts = Counter(_bare(name) for name in [*wanted, *taken])
    return {
        name: name if counts[_bare(name)] == 1 else f"{name}_{_digest(name)}" for name in wanted
    }


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:6]
