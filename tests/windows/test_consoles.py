"""What commands print where Windows has another encoding than UTF-8: cp1252, cp936 (Chinese)."""

from __future__ import annotations

import pytest

from tests.windows.python import LOCALES
from tests.windows.site import WindowsSite

TEXT = "Größe 作業 ✓ 😀"
PRINTED = {
    "cp1252": "Größe \\u4f5c\\u696d \\u2713 \\U0001f600",
    "cp936": "Gr\\xf6\\xdfe 作業 \\u2713 \\U0001f600",
}
"""Neither encoding has all of it."""


@pytest.mark.parametrize("encoding", LOCALES)
def test_a_command_prints_what_the_encoding_has(site: WindowsSite, encoding: str) -> None:
    """Also times of a zone: Windows has no database of zones, so `tzdata` must be there."""
    job = site.submit("say", text=TEXT)
    found = site.wait_for(job)
    assert found["result"] == TEXT
    listed, shown, submitted, refused = site.manage_all(
        ["jobs", "list"],
        ["jobs", "show", job],
        ["submit", "windows.say", f"text={TEXT}", "--wait"],
        ["submit", f"windows.{TEXT}"],
        encoding=encoding,
        WINDOWS_TIME_ZONE="Asia/Shanghai",
    )
    assert [code for code, _ in (listed, shown, submitted, refused)] == [0, 0, 0, 2]
    for _, said in (listed, shown, submitted, refused):
        assert "Traceback" not in said
    assert job in listed[1]
    assert PRINTED[encoding] in shown[1]
    assert "+08:00" in shown[1]
    assert PRINTED[encoding] in refused[1]
    assert "\\u4f5c\\u696d" in submitted[1], "JSON has a form for every character"
