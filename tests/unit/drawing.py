"""Reading a drawing of boxes and arrows: which words its lines lead from and to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

Place = tuple[int, int]
RIGHT, LEFT, DOWN, UP = (0, 1), (0, -1), (1, 0), (-1, 0)
WAYS = {"-": (LEFT, RIGHT), "|": (UP, DOWN), "+": (LEFT, RIGHT, UP, DOWN), ">": (LEFT,)}
WAYS["^"] = (DOWN,)
ALONG = {LEFT: "-+>", RIGHT: "-+>", UP: "|+^", DOWN: "|+^"}


class Drawing:
    """ASCII art: ``-``, ``|`` and ``+`` are lines, ``>`` and ``^`` are heads of arrows.

    A ``|`` in the middle of a horizontal line crosses it. Two spaces separate a line from a
    remark; words with a comma and one space between are boxes side by side.
    """

    def __init__(self, text: str, names: Iterable[str]) -> None:
        # A word inside an arrow, --cancel-->, is a remark on it.
        bare = re.sub(r"--[a-z]+--", lambda found: "-" * len(found[0]), text)
        self.rows = bare.splitlines()
        self.boxes: dict[Place, list[str]] = {}
        word = "|".join(re.escape(name) for name in names)
        for number, row in enumerate(self.rows):
            for found in re.finditer(rf"(?:{word})(?:, (?:{word}))*", row):
                for column in range(found.start(), found.end()):
                    self.boxes[number, column] = found[0].split(", ")

    def at(self, place: Place) -> str:
        """The character there."""
        row, column = place
        if 0 <= row < len(self.rows) and 0 <= column < len(self.rows[row]):
            return self.rows[row][column]
        return " "

    def edges(self) -> set[tuple[str, str]]:
        """Every arrow, from box to box."""
        found: set[tuple[str, str]] = set()
        for row, line in enumerate(self.rows):
            for column, sign in enumerate(line):
                if sign in ">^" and (row, column) not in self.boxes:
                    ends = self._ends((row, column))
                    found |= {(a, b) for a in ends for b in self._head((row, column))}
        return found

    def _head(self, arrow: Place) -> list[str]:
        row, column = arrow
        if self.at(arrow) == "^":
            return self.boxes.get((row - 1, column), [])
        return self.boxes.get((row, column + 2), [])

    def _ends(self, arrow: Place) -> set[str]:
        """The boxes from which a line leads to the head of an arrow."""
        seen: set[tuple[Place, bool]] = set()
        todo = [(arrow, self.at(arrow) == "^")]
        found: set[str] = set()
        while todo:
            place, upright = todo.pop()
            if (place, upright) in seen:
                continue
            seen.add((place, upright))
            for way in self._ways(place, upright):
                found |= set(self._box(place, way))
                todo += self._on(place, way)
        return found

    def _ways(self, place: Place, upright: bool) -> Iterator[Place]:
        if self._crossing(place):
            yield from (UP, DOWN) if upright else (LEFT, RIGHT)
        else:
            yield from WAYS[self.at(place)]

    def _crossing(self, place: Place) -> bool:
        row, column = place
        sides = self.at((row, column - 1)) + self.at((row, column + 1))
        return self.at(place) == "|" and set(sides) <= set("-+")

    def _on(self, place: Place, way: Place) -> Iterator[tuple[Place, bool]]:
        step = (place[0] + way[0], place[1] + way[1])
        if step in self.boxes:
            return
        goes_on = self.at(step) in ALONG[way] or (self.at(step) == "|" and self._crossing(step))
        if goes_on and self.at(step) not in ">^":
            yield step, way in (UP, DOWN)

    def _box(self, place: Place, way: Place) -> list[str]:
        reach = 2 if way == LEFT else 1
        row, column = place
        if way == RIGHT:
            return []  # nothing comes into a line from the right
        for distance in range(1, reach + 1):
            step = (row + way[0] * distance, column + way[1] * distance)
            if step in self.boxes:
                return self.boxes[step]
            if self.at(step) != " ":
                return []
        return []
