"""A trace as diagrams: a Mermaid sequence diagram, and a DOT graph of its states."""

from __future__ import annotations

import re
from collections.abc import Iterator

from model.environment import Action
from proofs.traces.trace import Trace, TraceStep
from proofs.traces.values import party
from proofs.traces.words import end_text, notes, start_text, step_text

_UNSAFE = re.compile(r"[^A-Za-z0-9 _.,()\[\]/:=+*|!?'-]")


def mermaid(trace: Trace) -> str:
    """The trace as a sequence diagram: who calls Hafnium on which CPU, what it answers, which states change."""
    names = {_participant(step.action): _actor(step.action, trace.is_spmc) for step in trace.steps}
    lines = ["sequenceDiagram", *(f"    participant {key} as {mermaid_text(name)}" for key, name in names.items())]
    lines.append("    participant H as Hafnium")
    for number, step in enumerate(trace.steps, 1):
        lines += (f"    {line}" for line in _messages(trace, number, step))
    if trace.property_id:
        lines.append(f"    Note over H: {mermaid_text(f'{trace.property_id} violated: {trace.title}')}")
    return "\n".join(lines) + "\n"


def _messages(trace: Trace, number: int, step: TraceStep) -> Iterator[str]:
    caller = _participant(step.action)
    yield f"{caller}->>H: {mermaid_text(start_text(step, trace.is_spmc))}"
    states = [str(change) for change in trace.state_changes(step)]
    for text in (*states, *notes(step, trace.is_spmc, trace.shows_locks(number))):
        yield f"Note over H: {mermaid_text(text)}"
    end = end_text(step, trace.is_spmc)
    if step.outcome.is_failure:
        yield f"Note over H: {mermaid_text(end)}"
    elif end:
        yield f"H-->>{caller}: {mermaid_text(end)}"


def _participant(action: Action) -> str:
    actor = "" if action.actor is None else f"_{action.actor.first:x}_{action.actor.second}"
    return f"C{action.cpu}{actor}"


def _actor(action: Action, is_spmc: bool) -> str:
    cpu = f"CPU{action.cpu}"
    return cpu if action.actor is None else f"{party(action.actor, is_spmc)} on {cpu}"


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
