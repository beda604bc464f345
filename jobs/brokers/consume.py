"""Chooses what runs the claims of a consumer process: funboost's consumers, or plain threads.

funboost is used wherever it is installed. ``plain_threads`` does the same without it and passes the
same tests (``tests/brokers/test_contract.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

from . import plain_threads
from .base import ConsumerPort
from .funboost import installed


def start_consuming(queues: Sequence[str], port: ConsumerPort, threads: int) -> None:
    """Start running claims of the queues on ``threads`` threads; returns at once."""
    if port.embedded:
        # funboost's threads never end, and it starts once in a process.
        port.note_threads(plain_threads.start(queues, port, threads))
        return
    # Late: a web process has brokers too, and must not load funboost.
    if installed.is_installed():
        from .funboost.consumer import start

        start(queues, port, threads)
    else:
        plain_threads.start(queues, port, threads)
