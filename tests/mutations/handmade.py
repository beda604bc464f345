"""Changes that a person has thought of, each with what a user would lose by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Handmade:
    """A change of a file.

    Attributes:
        file: from the root, with slashes.
        old: the text that it replaces; the file has it once.
        new: the text that takes its place.
        loses: what a user would lose.
        tests: the tests that notice it in a process which they start.
    """

    file: str
    old: str
    new: str
    loses: str
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Harmless:
    """A change that no test needs to notice, and why. Without ``new``: whatever takes its place."""

    file: str
    old: str
    why: str
    new: str = ""


HANDMADE: Final[tuple[Handmade, ...]] = ()
HARMLESS: Final[tuple[Harmless, ...]] = ()
