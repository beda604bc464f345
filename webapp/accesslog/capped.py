"""A counter of bounded size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from heapq import nlargest
from operator import itemgetter


class CappedCounter:
    """Counts keys, but keeps at most about ``cap`` of them: the rare ones are forgotten.

    A log can name millions of paths. When there are too many, the rarer half is dropped; a
    key that comes back starts anew. So a count is never too high, and too low by at most
    ``missed``, which is 0 as long as nothing was dropped.
    """

    def __init__(self, cap: int = 40_000) -> None:
        self.cap = cap
        self.missed = 0
        self._counts: Counter[bytes] = Counter()

    def __len__(self) -> int:
        return len(self._counts)

    def update(self, keys: Iterable[bytes]) -> None:
        """Count each key once more."""
        self._counts.update(keys)
        if len(self._counts) > self.cap:
            self._drop_rare()

    def top(self, count: int) -> list[tuple[bytes, int]]:
        """Return the most frequent keys, most first; equal ones in the order of their bytes."""
        return sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))[:count]

    def _drop_rare(self) -> None:
        kept = nlargest(self.cap // 2 + 1, self._counts.items(), key=itemgetter(1))
        self.missed += kept.pop()[1]
        self._counts = Counter(dict(kept))
