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
@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_character_that_the_encoding_lacks(
    monkeypatch: pytest.MonkeyPatch, encoding: str, printed: str, errors: str
) -> None:
    """Python for Windows opens standard output with ``surrogateescape``."""
    written = io.BytesIO()
    out = io.TextIOWrapper(written, encoding=encoding, errors=errors)
    monkeypatch.setattr(sys, "stdout", out)
    with any_character():
        out.write("Größe 作")
        out.flush()
    assert written.getvalue().decode(encoding) == printed
    assert out.errors == errors, "it is the process's again"


def test_a_file_name_that_is_no_text_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    out = io.TextIOWrapper(written, encoding="utf-8", errors="surrogateescape")
    monkeypatch.setattr(sys, "stdout", out)
    with any_character():
        out.write("\udcff")
        out.flush()
    assert written.getvalue() == b"\xff"


def test_what_is_no_text_file_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    with any_character():
        out.write("作")
    assert out.getvalue() == "作"
