"""The examples in ``jobs/docs/tasks.md`` run as they are printed."""

from __future__ import annotations

import csv
import io
import json
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest

from jobs import InputFile, JobContext, JobTask, LongText, job
from jobs.catalog.checks import declaration_errors
from jobs.catalog.reporter import SavedArtifact

from .recorder import Recorder, context_for
from .test_docs import text_of

pytestmark = pytest.mark.usefixtures("declared")

IMPORTED = {
    **{one.__name__: one for one in (csv, io, json)},
    "Decimal": Decimal,
    "InvalidOperation": InvalidOperation,
    "InputFile": InputFile,
    "JobContext": JobContext,
    "LongText": LongText,
    "job": job,
}


def example(heading: str, **names: Any) -> JobTask[Any, Any]:
    """Declare the task below a heading."""
    code = text_of("tasks.md").partition(f"\n### {heading}\n")[2].split("```")[1]
    made: dict[str, Any] = {**IMPORTED, **names, "__name__": __name__}
    exec(code.removeprefix("python\n"), made)
    (task,) = (value for value in made.values() if isinstance(value, JobTask))
    assert list(declaration_errors()) == []
    return task


def test_a_table_with_wrong_rows() -> None:
    recorder = Recorder()
    table = "name,price\nnut,1.10\nbolt,cheap\nscrew\n"
    done = example("Warnings").func(context_for(recorder), table)
    assert done == {"imported": 1, "left out": 2}
    assert recorder.warnings == [
        "line 3: no price in {'name': 'bolt', 'price': 'cheap'}",
        "line 4: no price in {'name': 'screw', 'price': None}",
    ]


def test_a_training_loop_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = tmp_path / "saved"
    saved.write_text("[2, [0.5]]", encoding="utf-8")
    monkeypatch.setattr(SavedArtifact, "open", lambda me: saved.open("rb"))
    task = example("Files", improved=lambda weights: [weights[0] + 1])
    recorder = Recorder(saved={"checkpoint.json": SavedArtifact("checkpoint.json", 10, 1, "x")})
    assert task.func(context_for(recorder), 4) == 2.5
    assert recorder.stages == [("Training", 3, 4), ("Training", 4, 4)]
    assert recorder.files == {"checkpoint.json": "[4, [2.5]]"}
    assert task.func(context_for(Recorder()), 1) == 1.0


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for ffmpeg is a script")
def test_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.JOBS = {**settings.JOBS, "DATA_DIR": tmp_path}
    video, program = tmp_path / "in.mp4", tmp_path / "ffmpeg"
    video.write_text("video", encoding="utf-8")
    program.write_text('#!/bin/sh\ncp "$3" "$6"\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    kept = {}

    class Keeper(Recorder):
        def artifact(self, name: str, data: Any) -> None:
            kept[name] = Path(data).read_text(encoding="utf-8")

    recorder, given = Keeper(), type("File", (), {"path": video})()
    assert example("Commands").func(context_for(recorder), given) == "small.mp4"
    assert kept == {"small.mp4": "video"}
    recorder.resources.close()
