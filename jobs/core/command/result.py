"""What a command that has ended returned and wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.errors import CommandFailed, CommandTimedOut


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended.

    Attributes:
        args: the program and its arguments.
        returncode: 0 for success; on POSIX -9 stands for signal 9.
        output: what it wrote to standard output and standard error, the last 1,000,000 characters.
        seconds: how long it ran.
    """

    args: Sequence[str]
    returncode: int
    output: str
    seconds: float

    def check(self) -> None:
        """Raise an error unless the command succeeded.

        Raises:
            CommandFailed: its exit code is not 0.
        """
        if self.returncode:
            raise CommandFailed(self.args, self.returncode, self.output)

    def timed_out(self, limit: float) -> CommandTimedOut:
        """Return the error that says that it was ended after ``limit`` seconds."""
        return CommandTimedOut(self.args, self.returncode, self.output, limit)
