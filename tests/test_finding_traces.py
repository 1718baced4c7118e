"""Every finding that has an execution: its trace replays, and every view tells its story."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from proofs import findings
from proofs.traces.file_format import encode
from proofs.traces.html import html_page
from proofs.traces.markdown import MOST_LINES, markdown, markdown_text
from proofs.traces.replay import load_trace
from proofs.traces.text import View, render

SHOWN = {finding_id: known for finding_id in findings.findings() if (known := findings.shortest(finding_id))}
QUICK = [finding_id for finding_id, known in SHOWN.items() if known.topology != "2x2"]
SLOW = [finding_id for finding_id in SHOWN if finding_id not in QUICK]
"""Those whose shortest execution is on the largest of the default topologies: it takes seconds to find."""


@pytest.mark.parametrize("finding_id", [*QUICK, *(pytest.param(f, marks=pytest.mark.slow) for f in SLOW)])
def test_trace_of_a_finding_replays_and_tells_its_story(finding_id: str, tmp_path: Path) -> None:
    finding = findings.findings()[finding_id]
    found = replace(findings.trace_of(finding_id), finding=finding_id)
    file = tmp_path / "trace.json"
    file.write_bytes(encode(found.to_file()))
    trace = load_trace(file)
    assert trace == found

    console = Console(width=160, markup=False)
    with console.capture() as capture:
        console.print(render(trace, View()))
    text = " ".join(capture.get().split())
    for part in (finding.title, finding.happens, finding.cause, finding.fix, f"{trace.property_id} breaks after step"):
        assert part in text
    for jargon in ("label", "lambda", "chosen(", " _"):
        assert jargon not in text

    short = markdown(trace)
    assert len(short.splitlines()) <= MOST_LINES
    for part in (finding.title, finding.happens, finding.fix):
        assert markdown_text(part) in short

    page = html_page(trace)
    assert page.count("<article") == len(trace) + 1
    assert page.count('class="explanation"') == 1
