"""Over HTTP: submitting, polling at full speed, and many clients that poll or wait."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from tests.benchmarks.http_load import Call, Load, load, send_once
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.run import Bench, Failed
from tests.benchmarks.workload import workload

CLIENTS = 500
"""How long all of them wait before the first job ends."""


def submit(bench: Bench) -> dict[str, Any]:
    """Submit jobs on eight connections while the workers run them."""
    bench.start_workers()
    _, port = bench.start_web()
    call = _submit_request(bench, port)
    status, _, body = send_once(call)
    if status >= 300:
        raise Failed(f"{status}: {body[:300]!r}")
    found = load(call, bench.sandbox.folder, seconds=workload().submit_seconds)
    bench.trace.read()
    return {**_columns(found), "ran_meanwhile": len(bench.trace.starts.get("web", ()))}


def poll(bench: Bench) -> dict[str, Any]:
    """Poll an unchanged job, and compare with a view of the same site that does nothing. Of a
    floor: requests per second of that view."""
    _, port = bench.start_web()
    poll_call = _polling_request(bench, port)
    calls = {"poll": poll_call}
    if bench.system.ours:
        status, _, _ = send_once(poll_call)
        if status != 304:
            raise Failed(f"The poll was answered with {status}.")
        calls["empty"] = Call(port, "/empty", headers=poll_call.headers)
    found: dict[str, list[Load]] = {name: [] for name in calls}
    for _ in range(3):  # alternately
        for name, call in calls.items():
            found[name].append(load(call, bench.sandbox.folder, seconds=workload().poll_seconds))
    rates = {name: sorted(one.rate for one in loads)[1] for name, loads in found.items()}
    values = {"polls_per_s": rates["poll"]}
    if "empty" in rates:
        values["empty_per_s"] = rates["empty"]
        values["share"] = round(rates["poll"] / rates["empty"], 3)
    return {**values, "p99_ms": sorted(one.p99 for one in found["poll"])[1]}


def crowd(bench: Bench) -> dict[str, Any]:
    """500 clients on their own connections poll once a second; the CPU that it costs the server."""
    server, port = bench.start_web()
    call = _polling_request(bench, port)
    plan, seconds = bench.sandbox.folder / "crowd.json", workload().crowd_seconds
    poll_call = {"path": call.path, "headers": dict(call.headers), "port": port}
    plan.write_text(json.dumps({**poll_call, "clients": CLIENTS, "seconds": seconds}), "utf-8")
    crowd = bench.start(
        "crowd", [sys.executable, "-m", "tests.benchmarks.polling_clients", str(plan)]
    )
    time.sleep(4)  # until all have connected
    before, begin = cpu_seconds([server]), time.monotonic()
    time.sleep(seconds - 6)
    cores = (cpu_seconds([server]) - before) / (time.monotonic() - begin)
    crowd.wait(60)
    return {"cores": round(cores, 3), **json.loads(plan.read_text("utf-8"))["found"]}


def waiters(bench: Bench) -> dict[str, Any]:
    """500 clients wait for a job each: the CPU that it costs the server while nothing happens, how
    soon each hears of its job's end, and what a submission takes meanwhile."""
    server, port = bench.start_web()
    call = _submit_request(bench, port)
    plan = bench.sandbox.folder / "waiters.json"
    submission = {"path": call.path, "body": call.body, "headers": dict(call.headers)}
    quiet = {"port": port, "clients": CLIENTS, "quiet_seconds": workload().quiet_seconds}
    plan.write_text(json.dumps({**submission, **quiet}), "utf-8")
    clients = bench.start(
        "waiters", [sys.executable, "-m", "tests.benchmarks.waiting_clients", str(plan)]
    )
    before, begin = cpu_seconds([server]), time.monotonic()
    clients.wait(120)
    cores = (cpu_seconds([server]) - before) / (time.monotonic() - begin)
    return {"cores": round(cores, 3), **json.loads(plan.read_text("utf-8"))["found"]}


def _polling_request(bench: Bench, port: int) -> Call:
    """The polling request: for an unchanged job, or for a floor's empty view."""
    if bench.system.ours:
        return unchanged(bench, port)
    return Call(port, bench.system.ping_path)


def _submit_request(bench: Bench, port: int) -> Call:
    system = bench.system
    return Call(port, system.submit_path, "POST", system.submit_body, system.headers())


def unchanged(bench: Bench, port: int) -> Call:
    """Return a conditional request for a job whose current version the caller has."""
    _, _, body = send_once(_submit_request(bench, port))
    path = json.loads(body)["links"]["self"]
    _, headers, _ = send_once(Call(port, path, headers=bench.system.headers()))
    known = {**bench.system.headers(), "If-None-Match": headers["ETag"]}
    return Call(port, path, headers=known)


def _columns(found: Load) -> dict[str, Any]:
    return {
        "per_s": round(found.rate, 1),
        "p50_ms": found.p50,
        "p99_ms": found.p99,
        "errors": found.errors,
    }
