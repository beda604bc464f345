"""The Prometheus text format, read as Prometheus reads it, and its program ``promtool``."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SAMPLE = re.compile(
    r'^(\w+)(\{(?:\w+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?(?:[\d.]+(?:e[+-]?\d+)?))$'
)
SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def samples(text: str) -> dict[str, float]:
    """Read the format: a metric is declared once, before its samples."""
    assert text.endswith("\n")
    found: dict[str, float] = {}
    kinds: dict[str, str] = {}
    declared = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            declared = line.split()[2]
            assert declared not in kinds
        elif line.startswith("# TYPE "):
            name, kinds[declared] = line.split()[2:]
            assert name == declared
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] in {declared + suffix for suffix in SUFFIXES[kinds[declared]]}
            assert match[1] + (match[2] or "") not in found
            found[match[1] + (match[2] or "")] = float(match[3])
    return found


def declared(text: str) -> dict[str, str]:
    """The metrics of the format and their types."""
    lines = (line.split() for line in text.splitlines() if line.startswith("# TYPE "))
    return {line[2]: line[3] for line in lines}


def promtool(*arguments: str | Path, text: str = "") -> str:
    """Run promtool; return what it said. Skips the test where it is not installed."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed")
    run = subprocess.run(
        [program, *map(str, arguments)],
        input=text,
        text=True,
        encoding="utf-8",
        capture_output=True,
        check=False,
    )
    said = run.stdout + run.stderr
    assert run.returncode == 0, said
    return said
