"""Runs several commands of ``manage.py`` in one process: to start one takes seconds under Wine.

``python -m tests.windows.commands '[["jobs", "list"], ...]'`` prints ``exit CODE`` after each.
"""

from __future__ import annotations

import json
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    """Run them in their order."""
    for arguments in json.loads(sys.argv[1]):
        code: object = 0
        try:
            execute_from_command_line(["manage.py", *arguments])
        except SystemExit as error:
            code = error.code or 0
        sys.stdout.write(f"exit {code}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
