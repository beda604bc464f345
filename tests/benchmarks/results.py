"""The figures so far, on the disk after each of them: an interrupted run loses none."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Results:
    """The figures of every pass, by system and work."""

    passes: dict[tuple[str, str], list[dict[str, Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    file: Path | None = None

    @classmethod
    def load(cls, file: Path) -> Results:
        """Those of an earlier run, to be added to. What had failed is left out: it is tried again.

        Raises:
            ValueError: the file is none of ours.
        """
        found = cls(file=file)
        if not file.exists():
            return found
        for key, passes in json.loads(file.read_text("utf-8")).items():
            system, work = key.split(" ")
            found.passes[system, work] = [one for one in passes if "error" not in one]
        return found

    def add(self, system: str, work: str, figures: dict[str, Any]) -> None:
        """Take note of a measurement."""
        self.passes[system, work].append(figures)
        if self.file is not None:
            said = {" ".join(key): value for key, value in self.passes.items()}
            beside = self.file.with_name(f"{self.file.name}.new")
            beside.write_text(json.dumps(said, indent=1), "utf-8")
            os.replace(beside, self.file)  # noqa: PTH105  (never half a file)

    def values(self, system: str, work: str, key: str) -> list[float]:
        """A figure of each pass that came to an end."""
        found = (one.get(key) for one in self.passes.get((system, work), ()))
        return [float(value) for value in found if value is not None]

    def count(self, system: str, work: str) -> int:
        """How many passes there are."""
        return len(self.passes.get((system, work), ()))
