"""The HTML explorer in a real browser: what it shows, that it navigates, and that hostile names stay text."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from proofs.traces.html import html_page
from proofs.traces.trace import Trace
from tests.sample_traces import HOSTILE, aborting, restart

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH: apt-get install chromium")


class Outline(HTMLParser):
    """Counts elements, and collects what they refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.selected: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src") and value]
        classes = (found.get("class") or "").split()
        if tag == "article" and "selected" in classes:
            self.selected.append(found.get("id") or "")


def outline(page: str) -> Outline:
    """The elements of a page."""
    parser = Outline()
    parser.feed(page)
    return parser


def in_browser(folder: Path, page: str, fragment: str = "") -> str:
    """The document after the browser has run the page's script."""
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    command = [
        CHROMIUM or "",
        *("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"),
        *("--virtual-time-budget=1000", "--dump-dom", f"{file.as_uri()}{fragment}"),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_page_needs_no_network_and_links_to_the_pinned_lines() -> None:
    links = outline(html_page(restart())).links
    outside = [link for link in links if not link.startswith("#")]
    assert all(re.fullmatch(r"https://git\.trustedfirmware\.org/\S+/\+/[0-9a-f]+/\S+", link) for link in outside)
    assert any(link.endswith("src/arch/aarch64/plat/psci/spmc.c#151") for link in outside)


def test_hostile_names_are_text() -> None:
    trace = replace(aborting(), statement=HOSTILE, topology=replace(aborting().topology, description=HOSTILE))
    page = html_page(trace)
    assert HOSTILE not in page
    assert outline(page).tags.count("script") == 1


@needs_browser
@pytest.mark.parametrize(("fragment", "selected"), [("", "card-8"), ("#step-3", "card-3"), ("#step-99", "card-8")])
def test_browser_shows_the_step_of_the_address(tmp_path: Path, fragment: str, selected: str) -> None:
    found = outline(in_browser(tmp_path, html_page(restart()), fragment))
    assert found.selected == [selected]
    assert found.tags.count("article") == len(restart()) + 1


@needs_browser
def test_browser_runs_no_foreign_script(tmp_path: Path) -> None:
    trace: Trace = replace(aborting(), statement=HOSTILE)
    dom = in_browser(tmp_path, html_page(trace))
    title = re.search(r"<title>(.*?)</title>", dom)
    assert title is not None
    assert title[1].startswith("T02: No VM is ABORTING &lt;script&gt;")
    forced = html_page(trace).replace("<h1>", f"<h1>{HOSTILE}")
    title = re.search(r"<title>(.*?)</title>", in_browser(tmp_path, forced))
    assert title is not None
    assert title[1] != "owned"
