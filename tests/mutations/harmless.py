"""More changes that no test needs to notice, found by trying many, and why."""

from __future__ import annotations

from typing import Final

from .handmade import Harmless

C: Final = "jobs/consumer"
B: Final = "jobs/brokers"

MORE_HARMLESS: Final[tuple[Harmless, ...]] = (
    Harmless(f"{C}/event_loop.py", "False", "each loop has the attribute", "(True)"),
    Harmless(
        f"{B}/wakeup/data_version.py",
        "left <= 0",
        "no clock shows the very moment twice",
        "(left < 0)",
    ),
    Harmless(f"{B}/receiver.py", "0.0", "without a slot no source waits: its limit is 0", "(1.0)"),
)
