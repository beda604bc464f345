"""Two consumer processes of funboost's own."""

from __future__ import annotations

import django

if __name__ == "__main__":
    django.setup()
    from tests.benchmarks.peers.tasks import MADE

    MADE["noop"].multi_process_consume(2)
