"""Chooses what runs the claims of a consumer process: funboost's consumers.

``plain_threads.start`` does the same without funboost and passes the same tests
(``tests/brokers/test_contract.py``). To leave funboost, import that one here and delete the folder
``funboost/``.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import plain_threads
from .base import ConsumerPort


def start_consuming(queues: Sequence[str], port: ConsumerPort, threads: int) -> None:
    """Start running claims of the queues on ``threads`` threads; returns at once."""
    if port.embedded:
        # funboost's threads never end, and it starts once in a process.
        port.note_threads(plain_threads.start(queues, port, threads))
        return
    # Late: a web process has brokers too, and must not load funboost.
    from jobs.brokers.funboost.consumer import start

    start(queues, port, threads)
