"""A child process that runs one task at a time: ``python -m jobs.consumer.child_main``.

It receives a task's name and JSON on standard input, one message a line, and answers with lines on
standard output. Nothing is pickled. It exits when its input ends, because its parent is gone then.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import uuid
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TextIO

from .child_protocol import ChildReporter, Wire


def main() -> None:
    """Serve runs until the parent closes the line."""
    _leave_signals_to_the_parent()
    wire = Wire(_take_standard_output())
    import django

    django.setup()
    from .call import Order
    from .capture import captured
    from .child_run import run

    inbox: SimpleQueue[tuple[Order, ChildReporter]] = SimpleQueue()

    def receive(order: Order) -> ChildReporter:
        reporter = ChildReporter(wire, uuid.UUID(order.job), order.attempt)
        inbox.put((order, reporter))
        return reporter

    listening = (lambda run: receive(Order(**run)),)
    threading.Thread(target=_listen, args=listening, name="parent", daemon=True).start()
    with captured():
        wire.send(ready=os.getpid())
        while True:
            run(*inbox.get(), wire)


def _leave_signals_to_the_parent() -> None:
    """Ctrl-C reaches a whole terminal and a service manager's SIGTERM a whole group of processes;
    how a running task ends is for the parent to say.

    A handler that does nothing, because SIG_IGN would be inherited by what a task starts.
    """
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, frame: None)


def _take_standard_output() -> TextIO:
    """Keep the line for ourselves: what C code prints must not end up between our messages."""
    out = os.fdopen(os.dup(1), "w", encoding="ascii", newline="\n")
    os.dup2(2, 1)
    return out


def _listen(receive: Callable[[dict[str, Any]], ChildReporter]) -> None:
    """Pass on orders, and cancels to the order they follow, which may not have begun yet."""
    reporter: ChildReporter | None = None
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "run" in message:
            reporter = receive(message["run"])
        elif "cancel" in message and reporter is not None:
            reporter.cancel_by = message["cancel"]
    # End of file: the parent is gone, and with it everyone who would read an answer.
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)  # what the task has started goes too
    os._exit(0)


if __name__ == "__main__":
    main()
