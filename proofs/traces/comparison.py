"""The difference between two traces: where they part, and how their ends differ."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from rich.text import Text

from proofs.traces.trace import Trace
from proofs.traces.values import field_text
from proofs.traces.words import step_text

_STYLES = {" ": "", "-": "red", "+": "green"}


def compare(first: Trace, second: Trace) -> Text:
    """The steps of both, marked `-` and `+` where only one has them, and the fields whose final values differ."""
    shown = Text()
    for mark, number, line in _steps(first, second):
        shown.append(f"{mark} {number:3}  {line}\n", _STYLES[mark])
    differing = list(_final_fields(first, second))
    shown.append(f"\n{len(differing)} fields differ at the end\n", "bold")
    for line in differing:
        shown.append(f"  {line}\n")
    return shown


def _steps(first: Trace, second: Trace) -> Iterator[tuple[str, int, str]]:
    old = [step_text(step, first.is_spmc) for step in first.steps]
    new = [step_text(step, second.is_spmc) for step in second.steps]
    for tag, low, high, new_low, new_high in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        mark = " " if tag == "equal" else "-"
        yield from ((mark, number + 1, old[number]) for number in range(low, high))
        if tag != "equal":
            yield from (("+", number + 1, new[number]) for number in range(new_low, new_high))


def _final_fields(first: Trace, second: Trace) -> Iterator[str]:
    """The fields that both topologies have and whose values at the end differ."""
    others = second.layout.by_name
    for variable in first.layout.variables:
        other = others.get((variable.owner, variable.field))
        if other is not None:
            old = field_text(variable, first.states[-1][variable.index])
            new = field_text(other, second.states[-1][other.index])
            if old != new:
                yield f"{variable}: {old} / {new}"
