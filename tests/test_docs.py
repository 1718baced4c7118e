"""What the documentation shows of the commands is what they print."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from proofs.commands.app import main

DOCS = Path(__file__).parents[1] / "docs"
SHOWN = re.compile(
    r"^```\n\$ (?P<command>lifecycle [^\n]*?)(?: <<< '(?P<typed>[^\n]*)')?\n(?P<output>.*?)^```$", re.M | re.S
)


def examples() -> Iterator[tuple[str, str, str]]:
    """Each example of the documentation: the command, what is typed, and what it prints."""
    for page in sorted(DOCS.glob("*.md")):
        for found in SHOWN.finditer(page.read_text(encoding="utf-8")):
            yield found["command"], found["typed"] or "", found["output"]


@pytest.mark.parametrize(("command", "typed", "output"), list(examples()), ids=lambda text: text[:40] if text else "-")
def test_examples_are_what_the_commands_print(
    command: str, typed: str, output: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    monkeypatch.setattr(sys, "stdin", StringIO(typed + "\n"))
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out == output
