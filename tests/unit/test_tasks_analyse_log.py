"""The log analysis as a task: its result, its files, its progress, and what it says of bad logs."""

from __future__ import annotations

import csv
import gzip
import io
import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree as ET

import pytest

from jobs import InputFile
from jobs.errors import GiveUp, InvalidArguments, JobCancelled
from tests.accesslog_maker import Recipe, make_log
from tests.unit.access_logs import GOOD
from tests.unit.recorder import Recorder, context_for
from webapp.tasks.analyse_log import analyse_log


@dataclass
class Given:
    """What the task uses of an ``InputFile``."""

    path: Path


def analysed(path: Path, recorder: Recorder, **options: Any) -> dict[str, Any]:
    log = cast("InputFile", Given(path))
    found: dict[str, Any] = analyse_log.func(context_for(recorder), log, **options)
    return found


def test_a_log_becomes_tables_a_plot_and_a_csv(tmp_path: Path) -> None:
    recipe = Recipe(20_000, request_time="seconds", malformed_every=500, days=3)
    expected = make_log(tmp_path / "a.log", recipe)
    recorder = Recorder()
    result = analysed(tmp_path / "a.log", recorder, top=5)
    assert (result["requests"], result["malformed"]) == (20_000, expected.malformed)
    classes = {row["class"]: row["requests"] for row in result["status_classes"]}
    assert classes == expected.classes()
    assert {row["path"]: row["requests"] for row in result["top_paths"]} == dict(
        sorted(expected.paths.items(), key=lambda item: (-item[1], item[0]))[:5]
    )
    assert [row["seconds"] for row in result["slowest"]] == expected.slowest[:5]
    rows = list(csv.DictReader(io.StringIO(recorder.files["requests-per-hour.csv"])))
    assert [int(row["requests"]) for row in rows] == list(expected.hours.values())
    assert [row["hour"] for row in rows] == [hour.isoformat() for hour in expected.hours]
    assert result["requests_per_hour"] == [
        {"hour": row["hour"], "requests": int(row["requests"])} for row in rows
    ]
    ET.fromstring(recorder.files["requests-per-hour.svg"])


def test_tables_are_lists_of_flat_objects_and_small(tmp_path: Path) -> None:
    make_log(tmp_path / "a.log", Recipe(5000, days=60, request_time="microseconds"))
    result = analysed(tmp_path / "a.log", Recorder())
    for name in ("status_classes", "top_paths", "slowest", "requests_per_hour"):
        assert {type(cell) for row in result[name] for cell in row.values()} <= {int, str, float}
        assert len({tuple(row) for row in result[name]}) == 1
    assert len(json.dumps(result)) < 64 * 1024


def test_progress_is_reported_in_bytes_of_the_file_and_in_lines(tmp_path: Path) -> None:
    make_log(tmp_path / "a.gz", Recipe(5000, gzipped=True))
    recorder = Recorder()
    analysed(tmp_path / "a.gz", recorder)
    size = (tmp_path / "a.gz").stat().st_size
    done = [update[0] for update in recorder.updates]
    assert len(done) > 3
    assert done == sorted(done)
    assert recorder.updates[-1] == (size, size, "5,000 lines")


def test_the_first_malformed_lines_are_in_the_jobs_log(tmp_path: Path) -> None:
    make_log(tmp_path / "a.log", Recipe(100))
    with (tmp_path / "a.log").open("ab") as stream:
        stream.write(b"what is this\n" * 20)
    recorder = Recorder()
    result = analysed(tmp_path / "a.log", recorder)
    assert result["malformed"] == 20
    assert len(recorder.lines) == 5
    assert recorder.lines[0] == "Not a log line, line 101: what is this"


def test_an_empty_log_is_a_result_too(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"")
    recorder = Recorder()
    assert analysed(tmp_path / "a.log", recorder)["notes"] == ["The file is empty."]
    assert set(recorder.files) == {"requests-per-hour.svg", "requests-per-hour.csv"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"name;value\n1;2\n", r"No line is in common or combined format.*line 1: name;value"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 500, r"No line is in common"),
        (
            gzip.compress(b"x" * 90_000, mtime=0)[:-20],
            r"No line is.*it was cut off\. The [\d,]+ bytes",
        ),
        (gzip.compress(b"x" * 90_000, mtime=0)[:12], r"^The gzip file ends too early.*The 0 bytes"),
        (
            gzip.compress(b"x" * 90_000, mtime=0)[:-8] + b"\0" * 8,
            r"damaged after .* Lines read before: \d",
        ),
        (b'{"level":"info"}\n', r"in common or combined format\. This looks like JSON lines\. See"),
        (b"PK\x03\x04" + b"\0" * 50, r"a ZIP archive"),
    ],
    ids=["csv", "image", "cut off", "cut off at once", "damaged", "json", "zip"],
)
def test_what_is_no_log_is_given_up_with_a_reason(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "a.log").write_bytes(data)
    with pytest.raises(GiveUp, match=words):
        analysed(tmp_path / "a.log", Recorder())


def test_it_stops_when_it_is_cancelled(tmp_path: Path) -> None:
    make_log(tmp_path / "a.log", Recipe(5000))
    recorder = Recorder(cancelled="ada")
    with pytest.raises(JobCancelled, match="ada"):
        analysed(tmp_path / "a.log", recorder)
    assert len(recorder.updates) == 1


def test_a_log_that_is_cut_off_is_counted_and_told(tmp_path: Path) -> None:
    make_log(tmp_path / "a.gz", Recipe(5000, gzipped=True))
    whole = (tmp_path / "a.gz").read_bytes()
    (tmp_path / "a.gz").write_bytes(whole[: len(whole) // 2])
    result = analysed(tmp_path / "a.gz", Recorder())
    assert 1000 < result["requests"] < 5000
    assert "The gzip file ends too early: it was cut off." in result["notes"][0]


def test_the_unit_of_whole_numbers_may_be_said(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(GOOD[:-1] + b" 1500\n")
    assert analysed(tmp_path / "a.log", Recorder())["slowest"][0]["seconds"] == 0.0015
    result = analysed(tmp_path / "a.log", Recorder(), time_unit="milliseconds")
    assert result["slowest"][0]["seconds"] == 1.5
    assert analyse_log.spec.validate({"log": {"upload": str(uuid.uuid4())}}) is not None
    with pytest.raises(InvalidArguments, match="/time_unit"):
        analyse_log.spec.validate({"log": {"upload": str(uuid.uuid4())}, "time_unit": "hours"})
