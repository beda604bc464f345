"""One task over many arguments: jobs go in by bulk, results come back by the feed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .bulk import Bulk, Line, Submitted
from .effects import Emit, Flow, now
from .errors import DeskError, NotFound, TimedOut
from .feed import latest_cursor, page
from .job_fields import FINAL
from .job_flows import failure_of, read, result_of

WAIT: Final = 20


@dataclass(frozen=True, slots=True)
class MapOptions:
    """How results are given.

    Attributes:
        ordered: in the order of the arguments; else as they come.
        return_exceptions: give the error in the place of a result that there is none of; else the
            first is raised.
        window: jobs that are unfinished, or whose results wait for one before them, at most.
        timeout: seconds for all of it; None for as long as it takes.
    """

    ordered: bool = True
    return_exceptions: bool = False
    window: int = 10_000
    timeout: float | None = None


class Mapper:
    """The jobs of one ``map`` that are under way.

    Args:
        bulk: submits them.
        options: how results are given.
    """

    def __init__(self, bulk: Bulk, options: MapOptions) -> None:
        self._bulk, self._options = bulk, options
        self._left: list[Line] = []
        self._waiting: defaultdict[str, list[int]] = defaultdict(list)
        self._ended: dict[int, Mapping[str, Any] | DeskError] = {}
        self._next = 1
        self._no_room_until = 0.0
        self._cursor = ""

    def flow(self) -> Flow[None]:
        """Give the result of each job."""
        if self._options.window < 1:
            raise ValueError("The window is 1 job or more.")
        timeout = self._options.timeout
        deadline = float("inf") if timeout is None else (yield from now()) + timeout
        self._cursor = yield from latest_cursor(self._bulk.site)
        while True:
            yield from self._submit()
            yield from self._give()
            if not (self._waiting or self._left) and self._bulk.is_over:
                return
            left = deadline - (yield from now())
            if left <= 0:
                raise TimedOut(f"{len(self._waiting):,} jobs have not ended in {timeout:g} s.")
            yield from self._receive(left)
            yield from self._give()

    def _free(self) -> int:
        """How many jobs may be submitted: those that have ended, but are not given, count too."""
        if self._bulk.is_over and not self._left:
            return 0
        return self._options.window - len(self._waiting) - len(self._ended)

    def _submit(self) -> Flow[None]:
        """Submit some jobs, if there is room here and there."""
        time = yield from now()
        free = self._free()
        if time < self._no_room_until or free <= 0:
            return
        if not self._left:
            self._left = yield from self._bulk.take(free)
        if not self._left:
            return
        found, seconds = yield from self._bulk.submit(self._left)
        self._left = self._left[len(found) :]
        self._no_room_until = time + seconds
        for one in found:
            yield from self._expect(one)

    def _expect(self, one: Submitted) -> Flow[None]:
        if one.problem is not None:
            self._ended[one.line.number] = one.problem
            return
        self._waiting[one.job_id].append(one.line.number)
        if not one.is_new:  # it may have ended before the cursor
            yield from self._look(one.job_id)

    def _look(self, job_id: str) -> Flow[None]:
        """Read a job that the feed may not have."""
        try:
            job = yield from read(self._bulk.site, job_id)
        except NotFound as error:
            self._end(job_id, error)
        else:
            if job["status"] in FINAL:
                self._end(job_id, job)

    def _receive(self, left: float) -> Flow[None]:
        """Take a page of the feed; wait for it if nothing can be submitted meanwhile."""
        room_in = self._no_room_until - (yield from now())
        seconds = math.ceil(min(WAIT, left, max(room_in, 0.0) if self._free() > 0 else WAIT))
        found = yield from page(self._bulk.site, self._cursor, self._bulk.task, seconds)
        self._cursor = found["next"]
        for job in found["items"]:
            self._end(job["id"], job)
        if seconds == WAIT and not found["items"] and self._waiting:
            # Whoever deletes a job would have this wait for ever.
            yield from self._look(next(iter(self._waiting)))

    def _end(self, job_id: str, outcome: Mapping[str, Any] | DeskError) -> None:
        for number in self._waiting.pop(job_id, ()):
            self._ended[number] = outcome

    def _give(self) -> Flow[None]:
        if not self._options.ordered:
            while self._ended:
                number = next(iter(self._ended))
                yield from self._give_one(self._ended.pop(number))
            return
        while self._next in self._ended:
            outcome = self._ended.pop(self._next)
            self._next += 1
            yield from self._give_one(outcome)

    def _give_one(self, outcome: Mapping[str, Any] | DeskError) -> Flow[None]:
        error = outcome if isinstance(outcome, DeskError) else None
        if not isinstance(outcome, DeskError) and outcome["status"] != "succeeded":
            error = failure_of(outcome)
        if error is None and not isinstance(outcome, DeskError):
            yield Emit((yield from result_of(self._bulk.site, outcome)))
        elif self._options.return_exceptions:
            yield Emit(error)
        elif error is not None:
            raise error
