"""Dispatches a job for each of many URLs, in bulks; killed at any moment, it goes on where it was.

``dispatcher.py DESK PAGES COUNT STATE``: the site, the address that the numbers of the pages are
put behind, how many pages, and a file for the number of the next line. TOKEN is in the environment.

A program of its own that knows HTTP and JSON only. Each line has the request's Idempotency-Key
with its number, so that a bulk whose answer was lost can be sent again.
"""

import http.client
import json
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

LINES = 5000
PAUSE = 0.2


def main(desk: str, pages: str, count: int, state: Path) -> None:
    """Send what is left."""
    line = int(state.read_text("ascii")) if state.exists() else 1
    while line <= count:
        last = min(count, line + LINES - 1)
        print(f"sends from line {line}", flush=True)
        try:
            line, wait = send(desk, pages, line, last)
        except (OSError, http.client.HTTPException):
            wait = PAUSE  # the site is away, or went away in the middle: all of it again
        else:
            keep(state, line)
            if wait:
                print(f"told to wait {wait} s before line {line}", flush=True)
        time.sleep(wait)
    print("dispatched", flush=True)


def send(desk: str, pages: str, first: int, last: int) -> tuple[int, float]:
    """Send some lines; return the next one, and after how many seconds."""
    job = '{"task":"testapp.fetch","args":{"url":"%s%d"}}\n'
    body = "".join([job % (pages, number) for number in range(first, last + 1)])
    headers = {
        "Authorization": f"Bearer {os.environ['TOKEN']}",
        "Content-Type": "application/x-ndjson",
        "Idempotency-Key": "pages",
    }
    client = http.client.HTTPConnection(urlsplit(desk).netloc, timeout=120)
    try:
        client.request("POST", f"/api/v1/jobs/bulk?first_line={first}", body, headers)
        response = client.getresponse()
        if response.status != 200:
            raise SystemExit(f"{response.status}: {response.read()!r}")
        answers = [json.loads(answer) for answer in response]
    finally:
        client.close()
    for answer in answers:
        if problem := answer.get("problem"):
            if problem["status"] not in (429, 503):
                raise SystemExit(f"line {answer['line']}: {problem}")
            return problem["resume_from"], problem["retry_after"]
    if len(answers) != last - first + 1:
        raise http.client.HTTPException("The answer was cut off.")
    return last + 1, 0.0


def keep(state: Path, line: int) -> None:
    """Write the number of the next line, whole or not at all."""
    new = state.with_suffix(".new")
    new.write_text(str(line), "ascii")
    new.replace(state)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
