"""Over HTTP: handing in, asking again and again, and many who ask politely."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.run import Bench, Failed
from tests.benchmarks.sizes import sizes
from tests.benchmarks.traffic import Call, Load, first_answer, load

CLIENTS = 500


def submit(bench: Bench) -> dict[str, Any]:
    """Eight connections hand in jobs while the workers run them."""
    bench.start_workers()
    _, port = bench.start_web()
    call = _submission(bench, port)
    status, _, said = first_answer(call)
    if status >= 300:
        raise Failed(f"{status}: {said[:300]!r}")
    found = load(call, bench.place.folder, seconds=sizes().submit_seconds)
    bench.trace.read()
    return {**_figures(found), "ran_meanwhile": len(bench.trace.starts.get("web", ()))}


def poll(bench: Bench) -> dict[str, Any]:
    """A job that has not changed, against a view of the same site that does nothing. Of a floor:
    how often that view answers."""
    _, port = bench.start_web()
    asked = _asked(bench, port)
    calls = {"poll": asked}
    if bench.system.ours:
        status, _, _ = first_answer(asked)
        if status != 304:
            raise Failed(f"The poll was answered with {status}.")
        calls["empty"] = Call(port, "/empty", headers=asked.headers)
    found: dict[str, list[Load]] = {name: [] for name in calls}
    for _ in range(3):  # turn about
        for name, call in calls.items():
            found[name].append(load(call, bench.place.folder, seconds=sizes().poll_seconds))
    rates = {name: sorted(one.rate for one in loads)[1] for name, loads in found.items()}
    figures = {"polls_per_s": rates["poll"]}
    if "empty" in rates:
        figures["empty_per_s"] = rates["empty"]
        figures["share"] = round(rates["poll"] / rates["empty"], 3)
    return {**figures, "p99_ms": sorted(one.p99 for one in found["poll"])[1]}


def crowd(bench: Bench) -> dict[str, Any]:
    """500 clients on connections of their own ask once a second; what that costs the server."""
    server, port = bench.start_web()
    call = _asked(bench, port)
    plan, seconds = bench.place.folder / "crowd.json", sizes().crowd_seconds
    asked = {"path": call.path, "headers": dict(call.headers), "port": port}
    plan.write_text(json.dumps({**asked, "clients": CLIENTS, "seconds": seconds}), "utf-8")
    crowd = bench.start("crowd", [sys.executable, "-m", "tests.benchmarks.crowd", str(plan)])
    time.sleep(4)  # until all have connected
    before, begin = cpu_seconds([server]), time.monotonic()
    time.sleep(seconds - 6)
    cores = (cpu_seconds([server]) - before) / (time.monotonic() - begin)
    crowd.wait(60)
    return {"cores": round(cores, 3), **json.loads(plan.read_text("utf-8"))["found"]}


def _asked(bench: Bench, port: int) -> Call:
    """What a client asks for again and again: a job that is as it was, or a floor's empty view."""
    if bench.system.ours:
        return unchanged(bench, port)
    return Call(port, bench.system.ping_path)


def _submission(bench: Bench, port: int) -> Call:
    system = bench.system
    return Call(port, system.submit_path, "POST", system.submit_body, system.headers())


def unchanged(bench: Bench, port: int) -> Call:
    """A request for a job that the caller has as it is."""
    _, _, said = first_answer(_submission(bench, port))
    path = json.loads(said)["links"]["self"]
    _, headers, _ = first_answer(Call(port, path, headers=bench.system.headers()))
    known = {**bench.system.headers(), "If-None-Match": headers["ETag"]}
    return Call(port, path, headers=known)


def _figures(found: Load) -> dict[str, Any]:
    return {
        "per_s": round(found.rate, 1),
        "p50_ms": found.p50,
        "p99_ms": found.p99,
        "errors": found.errors,
    }
