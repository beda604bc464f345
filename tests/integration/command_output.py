"""What management commands print."""

from __future__ import annotations

from io import StringIO

from django.core.management import CommandError, call_command


class CommandOutput:
    """A command's output, error message and exit code."""

    def __init__(self, *words: str) -> None:
        out, err = StringIO(), StringIO()
        self.code = 0
        self.error = ""
        try:
            call_command(*words, stdout=out, stderr=err, no_color=True)
        except CommandError as error:
            self.code = error.returncode
            self.error = str(error)
        self.out, self.err = out.getvalue(), err.getvalue()
