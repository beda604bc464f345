"""The style sheet and the script of the pages: their size, and nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "jobs" / "static" / "jobs"
OURS = [*STATIC.glob("*.css"), *STATIC.glob("*.js")]


def test_our_own_css_and_javascript_stay_below_30_kb() -> None:
    assert sum(path.stat().st_size for path in OURS) < 30_000


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_nothing_is_fetched_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://|@import|url\(", text)


def test_every_colour_has_a_light_and_a_dark_form() -> None:
    text = (STATIC / "jobs.css").read_text(encoding="utf-8")
    head, _, rest = text.partition("--mono")
    assert len(re.findall(r": light-dark\(#\w{6}, #\w{6}\);", head)) == 15
    # Pictures that a task made stand on white, whatever the palette.
    assert re.findall(r"#[0-9a-f]{3,8}\b", rest) == ["#fff"]


def test_what_came_from_others_has_its_licence_beside_it() -> None:
    vendored = {path.name for path in (STATIC / "vendor").iterdir()}
    assert {name for name in vendored if name.endswith(".js")} == {"htmx-2.0.11.min.js"}
    assert "htmx-LICENSE.txt" in vendored
