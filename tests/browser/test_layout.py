"""The look of every page: for small screens, weak eyes, keyboards and screen readers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone

from jobs.models import Token
from jobs.models.token import UNRESTRICTED, Grant
from tests.browser.conftest import Site
from tests.integration.page_jobs import PageJobs
from tests.integration.page_tasks import KINDS, PLAIN

LONG = "a-very-long-word-without-a-place-to-break-" * 6


@pytest.fixture
def pages(page_jobs: PageJobs) -> list[str]:
    """Every kind of page, with words that are hard to place."""
    _, claim = page_jobs.running(args={"text": LONG})
    page_jobs.keep(
        claim,
        f"{LONG[:100]}.svg",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='2000' height='10'/>",
        "image/svg+xml",
    )
    page_jobs.tell(claim, LONG * 4 + "\n", 1, 3)
    done = page_jobs.end(claim, result={LONG: [{"path": LONG, "n": 1}], "deep": {"text": LONG}})
    failed = page_jobs.failed(LONG)
    running, _ = page_jobs.running()
    waiting = page_jobs.waiting(queue="mail")
    jobs = [f"/jobs/{job.id}/" for job in (done, failed, running, waiting)]
    tabs = [f"/jobs/{done.id}/?tab={tab}" for tab in ("log", "attempts")]
    limits = Grant(tasks=frozenset({KINDS, LONG}), expires_at=timezone.now())
    for grant in (limits, UNRESTRICTED):
        Token.objects.issue(page_jobs.owner, LONG[:100], grant)
    tasks = [f"/tasks/{KINDS}/", f"/tasks/{PLAIN}/"]
    return ["/", "/jobs/", *jobs, *tabs, *tasks, "/tokens/", "/jobs/none/"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways_on_a_phone(site: Site, pages: list[str], scheme: Any) -> None:
    page = site.open("/", viewport={"width": 390, "height": 844}, color_scheme=scheme)
    for path in pages:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_what_is_touched_is_large_enough_for_a_finger(site: Site, pages: list[str]) -> None:
    page = site.open("/", viewport={"width": 390, "height": 844}, has_touch=True)
    for path in pages:
        page.goto(path)
        small = page.locator("button, .button, select, input, textarea").evaluate_all(
            """controls => controls.filter(control => {
                const box = (control.closest('label') || control).getBoundingClientRect();
                return box.width && box.width > 1 && Math.min(box.width, box.height) < 24;
            }).map(control => control.outerHTML)"""
        )
        assert small == [], path


CONTRAST = """
() => {
    const parts = colour => {
        const canvas = new OffscreenCanvas(1, 1).getContext('2d');
        canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return canvas.getImageData(0, 0, 1, 1).data;
    };
    const light = colour => {
        const [r, g, b] = [...parts(colour)].slice(0, 3).map(part => {
            const share = part / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = element => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (parts(colour)[3]) return colour;
        }
        return 'white';
    };
    const poor = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
        if (element.closest('.unseen, .skip')) continue;
        const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) poor.push(`${contrast.toFixed(2)} ${texts.currentNode.data.trim()}`);
    }
    const drawn = 'input, select, textarea, button';
    // Those that the browser draws, or that are filled.
    const others = '[type=hidden], [type=file], [type=checkbox], [type=radio], .primary, .plain';
    for (const control of document.querySelectorAll(drawn)) {
        if (!control.checkVisibility() || control.matches(others)) continue;
        const style = getComputedStyle(control);
        const [a, b] = [light(style.borderTopColor), light(behind(control.parentElement))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 3) poor.push(`${contrast.toFixed(2)} edge of ${control.outerHTML}`);
    }
    return poor;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_and_edge_has_enough_contrast(site: Site, pages: list[str], scheme: Any) -> None:
    page = site.open("/", color_scheme=scheme)
    for path in pages:
        page.goto(path)
        assert page.evaluate(CONTRAST) == [], path


def test_every_page_has_one_heading_of_the_first_rank_and_none_leaps(
    site: Site, pages: list[str]
) -> None:
    page = site.open("/")
    for path in pages:
        page.goto(path)
        ranks = page.locator("h1, h2, h3, h4").evaluate_all(
            "heads => heads.map(head => Number(head.tagName[1]))"
        )
        assert ranks.count(1) == 1, path
        assert all(b - a <= 1 for a, b in pairwise(ranks)), path
        twice = page.evaluate(
            """() => [...document.querySelectorAll('[id]')].map(element => element.id)
                .filter((id, at, all) => all.indexOf(id) !== at)"""
        )
        assert twice == [], path


def test_nothing_moves_with_reduced_motion(site: Site, page_jobs: PageJobs) -> None:
    job, _ = page_jobs.running()
    moving = "icon => icon.getAnimations().length"
    still = site.open(f"/jobs/{job.id}/", reduced_motion="reduce")
    assert still.locator("#job-status .icon").evaluate(moving) == 0
    turning = site.open(f"/jobs/{job.id}/", reduced_motion="no-preference")
    assert turning.locator("#job-status .icon").evaluate(moving) == 1


FOCUSED = """
() => {
    const at = document.activeElement;
    // After the last one the browser's own controls have their turn.
    if (at === document.body) return ['none', 'solid'];
    return [at.id || at.textContent.trim(), getComputedStyle(at).outlineStyle];
}
"""


def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    site: Site, page_jobs: PageJobs
) -> None:
    job, _ = page_jobs.running()
    page = site.open(f"/jobs/{job.id}/")
    seen = {}
    for _ in range(14):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(FOCUSED)
        seen[name] = outline
    assert next(iter(seen)) == "Skip to the page"
    assert seen.keys() >= {"Jobs", "do-cancel", "tab-result", "tab-log", "Run again"}
    assert set(seen.values()) == {"solid"}, seen
