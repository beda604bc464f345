"""Commands print what an encoding lacks, as a Windows that is not set to UTF-8 has one."""

from __future__ import annotations

import io
import sys

import pytest

from jobs.management.output import any_character


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [("cp1252", "Größe \\u4f5c"), ("cp936", "Gr\\xf6\\xdfe 作"), ("utf-8", "Größe 作")],
)
def test_a_character_that_the_encoding_lacks(
    monkeypatch: pytest.MonkeyPatch, encoding: str, printed: str
) -> None:
    written = io.BytesIO()
    out = io.TextIOWrapper(written, encoding=encoding)
    monkeypatch.setattr(sys, "stdout", out)
    with any_character():
        out.write("Größe 作")
    assert written.getvalue().decode(encoding) == printed
    assert out.errors == "strict", "it is the process's again"


def test_what_is_no_text_file_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    with any_character():
        out.write("作")
    assert out.getvalue() == "作"
