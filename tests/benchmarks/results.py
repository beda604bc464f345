"""The results so far, written to a file after each one: an interrupted run loses none."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Results:
    """The results of every pass, by system and work."""

    passes: dict[tuple[str, str], list[dict[str, Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    file: Path | None = None

    @classmethod
    def load(cls, file: Path) -> Results:
        """Load the results of an earlier run. Failed passes are left out, so that they run again.

        Raises:
            ValueError: the file does not hold results.
        """
        found = cls(file=file)
        if not file.exists():
            return found
        for key, passes in json.loads(file.read_text("utf-8")).items():
            system, work = key.split(" ")
            found.passes[system, work] = [one for one in passes if "error" not in one]
        return found

    def add(self, system: str, work: str, values: dict[str, Any]) -> None:
        """Add one measurement and write the file."""
        self.passes[system, work].append(values)
        if self.file is not None:
            content = {" ".join(key): value for key, value in self.passes.items()}
            beside = self.file.with_name(f"{self.file.name}.new")
            beside.write_text(json.dumps(content, indent=1), "utf-8")
            os.replace(beside, self.file)  # noqa: PTH105  (atomic: never half a file)

    def values(self, system: str, work: str, key: str) -> list[float]:
        """Return one value of each pass that has it."""
        found = (one.get(key) for one in self.passes.get((system, work), ()))
        return [float(value) for value in found if value is not None]

    def count(self, system: str, work: str) -> int:
        """Return the number of passes."""
        return len(self.passes.get((system, work), ()))
