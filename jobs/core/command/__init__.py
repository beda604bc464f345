"""Run a command so that it, and all that it starts, ends when it is told to or when we die.

``run`` starts and waits, ``posix_tree`` and ``windows_tree`` hold the processes together.
"""

from .result import CommandResult
from .run import Command

__all__ = ["Command", "CommandResult"]
