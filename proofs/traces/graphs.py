"""A trace as diagrams: a Mermaid sequence diagram, and a DOT graph of its states."""

from __future__ import annotations

import re
from collections.abc import Iterator

from model.variables import Key
from proofs.traces.trace import Trace, TraceStep
from proofs.traces.values import party
from proofs.traces.words import end_text, notes, start_text, step_text

_UNSAFE = re.compile(r"[^A-Za-z0-9 _.,()\[\]/:=+*|!?'-]")


def mermaid(trace: Trace) -> str:
    """The trace as a sequence diagram: who calls Hafnium on which CPU, who runs then, which states change."""
    shown = [
        (number, step)
        for number, step in enumerate(trace.steps, 1)
        if step.action.operation != "api_regs_state_saved" or number == len(trace)
    ]
    ends = dict.fromkeys(end for _, step in shown for end in (_caller(step), _goes_on(step)))
    lines = ["sequenceDiagram"]
    lines += (f"    participant {_participant(*end)} as {mermaid_text(_name(*end, trace.is_spmc))}" for end in ends)
    lines.append("    participant H as Hafnium")
    for number, step in shown:
        lines += (f"    {line}" for line in _messages(trace, number, step))
    if trace.property_id:
        lines.append(f"    Note over H: {mermaid_text(f'{trace.property_id} violated: {trace.title}')}")
    return "\n".join(lines) + "\n"


def _messages(trace: Trace, number: int, step: TraceStep) -> Iterator[str]:
    call = f"{number}. {start_text(step, trace.is_spmc)}"
    yield f"{_participant(*_caller(step))}->>H: {mermaid_text(call)}"
    states = [str(change) for change in trace.state_changes(step)]
    for text in (*states, *notes(step, trace.is_spmc, trace.shows_locks(number))):
        yield f"Note over H: {mermaid_text(text)}"
    end = end_text(step, trace.is_spmc)
    if step.outcome.is_failure:
        yield f"Note over H: {mermaid_text(end)}"
    elif end:
        yield f"H-->>{_participant(*_goes_on(step))}: {mermaid_text(end)}"


def _caller(step: TraceStep) -> tuple[int, Key | None]:
    """The CPU of a step, and the vCPU that acts; None if none does."""
    return step.action.cpu, step.action.actor


def _goes_on(step: TraceStep) -> tuple[int, Key | None]:
    """The CPU of a step, and the vCPU that goes on there."""
    return step.action.cpu, step.next or step.action.actor


def _participant(cpu: int, vcpu: Key | None) -> str:
    return f"C{cpu}" if vcpu is None else f"C{cpu}_{vcpu.first:x}_{vcpu.second}"


def _name(cpu: int, vcpu: Key | None, is_spmc: bool) -> str:
    return f"CPU{cpu}" if vcpu is None else f"{party(vcpu, is_spmc)} on CPU{cpu}"


def mermaid_text(text: str) -> str:
    """Text in which nothing means anything to Mermaid or HTML."""
    return _UNSAFE.sub(lambda match: f"#{ord(match[0])};", text.replace(" -> ", " to "))


def dot(trace: Trace) -> str:
    """The trace as a chain of states, each with the lifecycle states that the step before it changed."""
    lines = [
        "digraph trace {",
        '  node [shape=box, style=rounded, fontname="Helvetica"]; edge [fontname="Helvetica"];',
        f"  label={dot_text(f'{trace.property_id} {trace.title}'.strip())}; labelloc=t;",
        '  s0 [label="initial state"];',
    ]
    for number, step in enumerate(trace.steps, 1):
        changed = [str(change) for change in trace.state_changes(step)]
        shown = "\n".join([f"state {number}", *changed, *([end_text(step, trace.is_spmc)] * step.outcome.is_failure)])
        colour = ", color=red" if step.outcome.is_failure or (trace.property_id and number == len(trace)) else ""
        lines.append(f"  s{number} [label={dot_text(shown)}{colour}];")
        lines.append(f"  s{number - 1} -> s{number} [label={dot_text(step_text(step, trace.is_spmc))}];")
    return "\n".join([*lines, "}"]) + "\n"


def dot_text(text: str) -> str:
    """Text as a quoted DOT string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
