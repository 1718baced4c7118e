"""A trace as Markdown for a review comment: at most 40 lines."""

from __future__ import annotations

import re

from model.source import UPSTREAM_COMMIT
from proofs.traces.path import decisions
from proofs.traces.text import described, verdict
from proofs.traces.trace import Trace, TraceStep
from proofs.traces.words import notes, step_text

MOST_LINES = 40
MOST_VALUES = 6
MOST_DECISIONS = 6

_SPECIAL = re.compile(r"([\\`*{}\[\]#|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^[-+>=])")
"""What means something to Markdown; an underscore within a word and a sign within a line do not."""


def markdown(trace: Trace) -> str:
    """The finding, the property, the steps with the states they change, what decided, the fix: 40 lines at most."""
    finding = described(trace)
    lines = []
    if finding:
        title = f"{finding.id}: {finding.title} ({finding.kind}, severity {finding.severity})"
        lines += [f"**{markdown_text(title)}**", "", markdown_text(finding.happens), ""]
    if trace.property_id:
        heading = f"Violated, {trace.property_id}: {trace.title}."
        lines += [f"**{markdown_text(heading)}** {markdown_text(trace.statement)}", ""]
    place = f"{trace.topology.name} ({trace.topology.description}), Hafnium {UPSTREAM_COMMIT}, replayed"
    ending = _ending(trace)
    steps = _steps(trace, MOST_LINES - len(lines) - len(ending) - 2)
    lines += [markdown_text(f"{len(trace)} steps on {place}") + ":", "", *steps, *ending]
    return "\n".join(lines) + "\n"


def _steps(trace: Trace, room: int) -> list[str]:
    """A line for each step; where there are too many, those in the middle are left out."""
    lines = [
        f"- **{number}** {_step(trace, number, step)}"
        for number, step in enumerate(trace.steps, 1)
        if step.action.operation != "api_regs_state_saved" or number == len(trace)
    ]
    if len(lines) <= room:
        return lines
    kept = room - 3
    return [*lines[: kept // 2], "", f"*{len(lines) - kept} steps left out*", *lines[-(kept - kept // 2) :]]


def _step(trace: Trace, number: int, step: TraceStep) -> str:
    told = notes(step, trace.is_spmc, trace.shows_locks(number))
    shown = [markdown_text(step_text(step, trace.is_spmc))]
    shown += [f"`{code_text(str(change))}`" for change in trace.state_changes(step)]
    return "; ".join([*shown, *(markdown_text(note) for note in told)])


def _ending(trace: Trace) -> list[str]:
    """The conditions that decided the last step, the values that make the property false, cause and fix."""
    lines = [""]
    path = trace.steps[-1].path if trace.steps else ()
    decided = [passage for passage in decisions(path, all_checks=False) if passage.is_decision]
    if decided:
        lines += ["Decided by:", ""]
        for passage in decided[-MOST_DECISIONS:]:
            values = f" ({', '.join(passage.values)})" if passage.values else ""
            code = code_text(f"{passage.location}: {passage.code} {verdict(passage)}{values}")
            lines.append(f"- `{code}`")
    if trace.breach is not None:
        lines += ["", f"Breaks {trace.property_id}:", "", *(f"- {_reason(reason)}" for reason in trace.breach.reasons)]
        lines += [*(f"- `{code_text(str(read))}`" for read in trace.breach.reads[-MOST_VALUES:])]
    finding = described(trace)
    if finding:
        lines += ["", f"**Cause.** {markdown_text(finding.cause)}", "", f"**Fix.** {markdown_text(finding.fix)}"]
    return lines


def _reason(reason: str) -> str:
    words, _, code = reason.partition(": ")
    return f"{words}: `{code_text(code)}`"


def markdown_text(text: str) -> str:
    """Text in which nothing means anything to Markdown, HTML or a forge that turns names into links."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("@", "@\u200b")
    return _SPECIAL.sub(r"\\\1", text)


def code_text(text: str) -> str:
    """Text for a code span."""
    return text.replace("`", "'")
