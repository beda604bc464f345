"""Webhooks: deliveries a second out of a backlog of endings; how soon one hears of an ending."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.benchmarks.run import Bench, Failed
from tests.benchmarks.stats import percentile

ENDINGS = 2000
HEARD = 30
SECONDS_BETWEEN = 0.25
LIMIT_SECONDS = 120.0


def webhooks(bench: Bench) -> dict[str, Any]:
    """Return the deliveries a second, and the milliseconds from the end of a job to its arrival."""
    from django.contrib.auth.models import User

    from jobs.webhooks.changing import create_webhook
    from jobs.webhooks.events import EVENTS

    receiver = _Receiver()
    bench.start_workers()
    asked = {"url": receiver.url, "events": list(EVENTS), "everyone": True}
    create_webhook(User.objects.get(username="bench"), "http://bench.example/", asked)
    for number in range(ENDINGS):
        bench.enqueue("noop", f"b{number}")
    receiver.wait(ENDINGS)
    times = [moment for moment, _ in receiver.came]
    heard = _heard(bench, receiver)
    return {
        "per_s": round((ENDINGS - 1) / (times[-1] - times[0]), 1),
        "heard_p50_ms": round(percentile(heard, 50), 1),
        "heard_p99_ms": round(percentile(heard, 99), 1),
    }


def _heard(bench: Bench, receiver: _Receiver) -> list[float]:
    before = len(receiver.came)
    for number in range(HEARD):
        bench.enqueue("noop", f"h{number}")
        time.sleep(SECONDS_BETWEEN)
    receiver.wait(before + HEARD)
    return [1000 * (moment - ended) for moment, ended in receiver.came[before:]]


class _Receiver:
    """Answers 204, and notes when each delivery came and when its job had ended."""

    def __init__(self) -> None:
        self.came: list[tuple[float, float]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                now = time.time()
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                ended = datetime.fromisoformat(event["time"]).timestamp()
                receiver.came.append((now, ended))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Be quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def wait(self, count: int) -> None:
        """Wait until so many have come."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while len(self.came) < count:
            if time.monotonic() > deadline:
                raise Failed(f"Only {len(self.came)} of {count} were delivered.")
            time.sleep(0.02)
