"""Starting a command, feeding it, waiting for it."""

from __future__ import annotations

import contextlib
import locale
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Final

from .output import OutputReader
from .result import CommandResult

if sys.platform == "win32":
    from .windows_tree import WindowsTree as ProcessTree
else:
    from .posix_tree import PosixTree as ProcessTree

END_SECONDS: Final = 10.0
"""How long the end of a command that was ended may take. A process that waits in the kernel (a file
system that is gone) can be ended by nobody."""
DIED: Final = -9
"""The exit code of a command whose own is not known."""


class Command:
    """A command that is run once.

    Args:
        command: the program and its arguments; a text is for the shell.
        shell: have the system's shell run the text.
        cwd: the folder to run it in.
        env: all of its environment; None for ours.
        data: its standard input; None for none.
        encoding: of its input and output as text; None for the system's.

    Raises:
        TypeError, ValueError: the command is empty, or a text without ``shell``, or a list with it.
    """

    def __init__(
        self,
        command: str | Sequence[str | os.PathLike[str]],
        *,
        shell: bool = False,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        data: bytes | str | None = None,
        encoding: str | None = None,
    ) -> None:
        self._args = _arguments(command, shell=shell)
        self._shown = [str(command)] if shell else list(self._args)
        self._cwd = cwd
        self._env = env
        self._encoding = encoding or locale.getencoding()
        self._data = data.encode(self._encoding) if isinstance(data, str) else data
        self._lock = threading.Lock()
        self._tree: ProcessTree | None = None
        self._ended = False

    def run(self, on_lines: Callable[[str], object], timeout: float | None) -> CommandResult:
        """Run it to its end; return how it ended.

        Args:
            on_lines: called with the lines that it writes, from a thread.
            timeout: seconds after which it is ended.

        Raises:
            OSError: it could not be started.
            CommandTimedOut: it took longer than its timeout, and was ended.
        """
        began = time.monotonic()
        tree = self._start()
        try:
            reader = OutputReader(tree.stdout, self._encoding, on_lines)
            if tree.stdin is not None:
                self._feed(tree.stdin)
            code = tree.wait(timeout)
            late = code is None
            if late:
                self.end()
                code = tree.wait(END_SECONDS)
            result = CommandResult(
                self._shown,
                DIED if code is None else code,
                reader.finish(),
                time.monotonic() - began,
            )
        finally:
            tree.close()
        if late and timeout is not None:
            raise result.timed_out(timeout)
        return result

    def end(self) -> None:
        """End it, and all that it started, now or as soon as it starts. Any thread may call it."""
        with self._lock:
            self._ended = True
            if self._tree is not None:
                self._tree.end()

    def _start(self) -> ProcessTree:
        tree = ProcessTree(
            self._args, cwd=self._cwd, env=self._env, takes_input=self._data is not None
        )
        with self._lock:
            self._tree = tree
            if self._ended:
                tree.end()
        return tree

    def _feed(self, pipe: IO[bytes]) -> None:
        def write() -> None:
            # A command need not read all that it gets.
            with contextlib.suppress(OSError, ValueError), pipe:
                pipe.write(self._data or b"")

        threading.Thread(target=write, name="command-input", daemon=True).start()


def _arguments(command: str | Sequence[str | os.PathLike[str]], *, shell: bool) -> str | list[str]:
    if shell:
        if not isinstance(command, str) or not command.strip():
            raise TypeError(
                f"With shell=True a command is one text, 'du -s * | sort', not {command!r}."
            )
        return _for_the_shell(command)
    if isinstance(command, str | bytes):
        raise TypeError("A command is a list, ['sleep', '43'], or one text with shell=True.")
    args = [os.fspath(part) for part in command if isinstance(part, str | os.PathLike)]
    if not args or len(args) != len(command):
        raise TypeError(f"A command is a list of texts and paths, not {command!r}.")
    return args


def _for_the_shell(text: str) -> str | list[str]:
    if os.name != "nt":
        return ["/bin/sh", "-c", text]
    # As subprocess does it: cmd.exe has quoting rules of its own.
    return f'{os.environ.get("COMSPEC", "cmd.exe")} /d /s /c "{text}"'
