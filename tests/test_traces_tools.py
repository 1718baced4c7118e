"""Traces in other tools' formats, read by these tools where they are installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from vcd.reader import TokenKind, tokenize

from proofs.traces.graphs import dot, mermaid
from proofs.traces.trace import Trace
from proofs.traces.vcd import vcd
from tests.sample_traces import restart
from tests.test_traces_html import CHROMIUM
from tests.test_traces_views import HOSTILE_TRACE

TRACES = pytest.mark.parametrize("trace", [restart(), HOSTILE_TRACE], ids=["restart", "hostile"])


def output_of(tool: str, *arguments: object) -> bytes:
    """What a tool prints that is content with its input.  Skips the test if the tool is not there."""
    if shutil.which(tool) is None:
        pytest.skip(f"no {tool} on PATH")
    done = subprocess.run([tool, *map(str, arguments)], capture_output=True, timeout=120, check=True)
    assert not done.stderr
    return done.stdout


@TRACES
@pytest.mark.parametrize("write", [dot, mermaid])
def test_pictures_are_drawn(tmp_path: Path, write: Callable[[Trace], str], trace: Trace) -> None:
    source, picture, browser = tmp_path / "source", tmp_path / "picture.svg", tmp_path / "browser.json"
    source.write_text(write(trace))
    browser.write_text(json.dumps({"executablePath": CHROMIUM, "args": ["--no-sandbox"]}))
    if write is dot:
        output_of("dot", "-Tsvg", source, "-o", picture)
    else:
        output_of("mmdc", "-q", "-p", browser, "-i", source, "-o", picture)
    assert picture.read_text().count("CPU0") >= len(trace) / 2


@TRACES
def test_gtkwave_has_every_value_at_its_time(tmp_path: Path, trace: Trace) -> None:
    source, converted = tmp_path / "trace.vcd", tmp_path / "trace.fst"
    source.write_text(vcd(trace))
    output_of("vcd2fst", source, converted)
    assert changes(output_of("fst2vcd", converted)) == changes(source.read_bytes())


def changes(dump: bytes) -> set[tuple[int, str, str]]:
    """Every value change of a VCD: the time, the signal, and its new value."""
    names: dict[str, str] = {}
    found, time = set(), 0
    for token in tokenize(BytesIO(dump)):
        match token.kind:
            case TokenKind.VAR:
                names[token.var.id_code] = token.var.reference
            case TokenKind.CHANGE_TIME:
                time = token.time_change
            case TokenKind.CHANGE_STRING:
                found.add((time, names[token.string_change.id_code], token.string_change.value))
    return found
