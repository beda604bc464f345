"""Reads an ASCII diagram of boxes and arrows: which box leads to which."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

Position = tuple[int, int]
RIGHT, LEFT, DOWN, UP = (0, 1), (0, -1), (1, 0), (-1, 0)
DIRECTIONS = {"-": (LEFT, RIGHT), "|": (UP, DOWN), "+": (LEFT, RIGHT, UP, DOWN), ">": (LEFT,)}
DIRECTIONS["^"] = (DOWN,)
ALONG = {LEFT: "-+>", RIGHT: "-+>", UP: "|+^", DOWN: "|+^"}


class Diagram:
    """ASCII art: ``-``, ``|`` and ``+`` are lines, ``>`` and ``^`` are heads of arrows.

    A ``|`` in the middle of a horizontal line crosses it. Two spaces separate a line from a
    remark; names with a comma and one space between are boxes side by side.
    """

    def __init__(self, text: str, names: Iterable[str]) -> None:
        # A word inside an arrow, --cancel-->, is a remark on the arrow.
        bare = re.sub(r"--[a-z]+--", lambda found: "-" * len(found[0]), text)
        self.rows = bare.splitlines()
        self.boxes: dict[Position, list[str]] = {}
        word = "|".join(re.escape(name) for name in names)
        for number, row in enumerate(self.rows):
            for found in re.finditer(rf"(?:{word})(?:, (?:{word}))*", row):
                for column in range(found.start(), found.end()):
                    self.boxes[number, column] = found[0].split(", ")

    def at(self, position: Position) -> str:
        """Return the character at a position, a space outside."""
        row, column = position
        if 0 <= row < len(self.rows) and 0 <= column < len(self.rows[row]):
            return self.rows[row][column]
        return " "

    def edges(self) -> set[tuple[str, str]]:
        """Return every arrow as (from box, to box)."""
        found: set[tuple[str, str]] = set()
        for row, line in enumerate(self.rows):
            for column, sign in enumerate(line):
                if sign in ">^" and (row, column) not in self.boxes:
                    ends = self._ends((row, column))
                    found |= {(a, b) for a in ends for b in self._head((row, column))}
        return found

    def _head(self, arrow: Position) -> list[str]:
        row, column = arrow
        if self.at(arrow) == "^":
            return self.boxes.get((row - 1, column), [])
        return self.boxes.get((row, column + 2), [])

    def _ends(self, arrow: Position) -> set[str]:
        """The boxes from which a line leads to the head of an arrow."""
        seen: set[tuple[Position, bool]] = set()
        todo = [(arrow, self.at(arrow) == "^")]
        found: set[str] = set()
        while todo:
            position, upright = todo.pop()
            if (position, upright) in seen:
                continue
            seen.add((position, upright))
            for direction in self._directions(position, upright):
                found |= set(self._box(position, direction))
                todo += self._on(position, direction)
        return found

    def _directions(self, position: Position, upright: bool) -> Iterator[Position]:
        if self._crossing(position):
            yield from (UP, DOWN) if upright else (LEFT, RIGHT)
        else:
            yield from DIRECTIONS[self.at(position)]

    def _crossing(self, position: Position) -> bool:
        row, column = position
        sides = self.at((row, column - 1)) + self.at((row, column + 1))
        return self.at(position) == "|" and set(sides) <= set("-+")

    def _on(self, position: Position, direction: Position) -> Iterator[tuple[Position, bool]]:
        step = (position[0] + direction[0], position[1] + direction[1])
        if step in self.boxes:
            return
        goes_on = self.at(step) in ALONG[direction] or (
            self.at(step) == "|" and self._crossing(step)
        )
        if goes_on and self.at(step) not in ">^":
            yield step, direction in (UP, DOWN)

    def _box(self, position: Position, direction: Position) -> list[str]:
        reach = 2 if direction == LEFT else 1
        row, column = position
        if direction == RIGHT:
            return []  # nothing comes into a line from the right
        for distance in range(1, reach + 1):
            step = (row + direction[0] * distance, column + direction[1] * distance)
            if step in self.boxes:
                return self.boxes[step]
            if self.at(step) != " ":
                return []
        return []
