"""The bar chart: a well-formed document that says what it shows, in any mode and at any size."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from webapp.svgplot import DARK, HEIGHT, LIGHT, WIDTH, Bar, Tick, bar_chart, nice_levels
from webapp.svgplot import short_number as short

SVG = "{http://www.w3.org/2000/svg}"


def chart(values: list[float], ticks: list[Tick] | None = None, title: str = "T") -> str:
    bars = [Bar(value, f"bar {number}") for number, value in enumerate(values)]
    return bar_chart(bars, ticks or [], title=title, subtitle="S", description="D")


def test_it_has_a_title_and_a_description_for_those_who_do_not_see_it() -> None:
    root = ET.fromstring(chart([1, 2]))
    assert root.get("role") == "img"
    ids = (root.get("aria-labelledby") or "").split()
    assert [root.find(f"{SVG}*[@id='{name}']").text for name in ids] == ["T", "D"]  # type: ignore[union-attr]


def test_each_bar_is_within_the_picture_and_as_high_as_its_value() -> None:
    values = [0.0, 1, 5, 10]
    root = ET.fromstring(chart(values))
    bars = root.findall(f"{SVG}rect[@class='bar']")
    assert [bar.findtext(f"{SVG}title") for bar in bars] == ["bar 1", "bar 2", "bar 3"]
    heights = [float(bar.get("height", 0)) for bar in bars]
    assert heights[2] == pytest.approx(10 * heights[0], rel=0.02)
    for bar in bars:
        x, y, width, height = (float(bar.get(name, -1)) for name in ("x", "y", "width", "height"))
        assert 0 < x < x + width < WIDTH
        assert 0 < y < y + height < HEIGHT


def test_no_bars_are_a_picture_too() -> None:
    assert "Nothing to show" in chart([])
    ET.fromstring(chart([]))


@pytest.mark.parametrize("title", ["<script>", "a & b", 'say "hi"', "bell\x07 \ud800 \uffff", "é"])
def test_any_text_leaves_it_well_formed(title: str) -> None:
    root = ET.fromstring(chart([1], [Tick(0, title)], title).encode())
    assert not root.findall(f".//{SVG}script")


def test_it_follows_the_readers_mode_and_keeps_its_light_colours_without_the_style() -> None:
    svg = chart([1], [Tick(0, "now")])
    assert "@media (prefers-color-scheme:dark)" in svg
    for colours in (LIGHT, DARK):
        assert all(colour in svg for colour in colours.values())
    for part in ET.fromstring(svg).iter():
        if part.get("class"):
            assert part.get("fill") or part.get("stroke")


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colours", [LIGHT, DARK])
@pytest.mark.parametrize(("role", "least"), [("ink", 4.5), ("soft", 4.5), ("bar", 3.0)])
def test_the_colours_stand_out_from_the_paper(
    colours: dict[str, str], role: str, least: float
) -> None:
    light, dark = sorted((luminance(colours[role]), luminance(colours["paper"])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= least


@pytest.mark.parametrize("maximum", [0, 0.3, 1, 2, 7, 10, 99, 100, 101, 2104, 43_210, 10**9])
def test_the_levels_are_few_round_whole_numbers_up_to_the_highest_bar(maximum: float) -> None:
    levels = nice_levels(maximum)
    assert levels[0] == 0
    assert levels[-1] >= maximum > levels[-2] or maximum < 1
    assert 2 <= len(levels) <= 7
    assert all(level == round(level) for level in levels)


def test_numbers_on_the_axis_are_short() -> None:
    numbers = (0, 950, 1500, 40_000, 2_000_000, 3e9)
    assert [short(n) for n in numbers] == ["0", "950", "1.5k", "40k", "2M", "3G"]


def test_a_label_that_would_be_cut_off_is_left_out() -> None:
    svg = chart([1, 1], [Tick(0, "first"), Tick(2, "last")])
    assert "first" in svg
    assert "last" not in svg
