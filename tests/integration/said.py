"""What management commands say."""

from __future__ import annotations

from io import StringIO

from django.core.management import CommandError, call_command


class Said:
    """What a command printed, and how it ended."""

    def __init__(self, *words: str) -> None:
        out, err = StringIO(), StringIO()
        self.code = 0
        self.refusal = ""
        try:
            call_command(*words, stdout=out, stderr=err, no_color=True)
        except CommandError as error:
            self.code = error.returncode
            self.refusal = str(error)
        self.out, self.err = out.getvalue(), err.getvalue()
