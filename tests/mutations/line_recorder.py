"""Notes which lines run, in each process of a run of tests: those that tests start, too.

The package ``jobs`` of a copy of the tree loads this file when it is imported there (``line_map``).
It imports nothing of this project. What a process notes is written at once, because many of them
are killed.
"""

from __future__ import annotations

import os
import sys
from types import CodeType
from typing import Any, Final

TREE: Final = "MUTATIONS_TREE"
"""The tree, without links. Nothing is noted where this is not set."""
FOLDERS: Final = "MUTATIONS_FOLDERS"
"""The folders and files whose lines are noted, from the tree; ``os.pathsep`` between."""
LINES: Final = "MUTATIONS_LINES"
"""The file that a line ``TEST FILE NUMBER`` is appended to for each that runs; tabs between."""
TOOL: Final = 4  # of 0-5; profilers, debuggers and coverage have others


class LineRecorder:
    """Notes each line of the folders once for each test."""

    def __init__(self, tree: str, folders: str, lines: str) -> None:
        self._root = f"{tree}{os.sep}"
        self._folders = tuple(f"{self._root}{one}" for one in folders.split(os.pathsep))
        self._output = os.open(lines, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.test = _without_step(os.environ.get("PYTEST_CURRENT_TEST", ""))

    def start(self) -> None:
        """Begin to note the lines, of all threads and of processes that are forked."""
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        self._disable, self._restart = monitoring.DISABLE, monitoring.restart_events
        monitoring.use_tool_id(TOOL, "mutations")
        monitoring.register_callback(TOOL, monitoring.events.LINE, self._note)
        monitoring.set_events(TOOL, monitoring.events.LINE)

    def switch(self, test: str) -> None:
        """Note what runs from now on for another test."""
        self.test = test
        self._restart()

    def _note(self, code: CodeType, line: int) -> object:
        if code.co_filename.startswith(self._folders) and self.test:
            file = code.co_filename.removeprefix(self._root).replace(os.sep, "/")
            noted = f"{self.test}\t{file}\t{line}\n".encode()
            try:
                os.write(self._output, noted)
            except OSError:  # a test closes what its process has open
                self._output = -1
        return self._disable


def _without_step(current: str) -> str:
    """Return a test's id without " (call)", which pytest adds, and without its parameters."""
    return current.rpartition(" ")[0].partition("[")[0]


recorder: LineRecorder | None = None
if TREE in os.environ and __name__ == "jobs.line_recorder":
    recorder = LineRecorder(os.environ[TREE], os.environ[FOLDERS], os.environ[LINES])
    recorder.start()
