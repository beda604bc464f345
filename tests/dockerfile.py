"""The instructions of a Dockerfile."""

from __future__ import annotations

import re
from collections.abc import Iterator


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield each instruction's word and the rest of it, with continued lines joined."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, rest = line.partition(" ")
            yield word, rest.strip()
