"""The terminal view of a trace: a line for each step, what it changed, the path it took, where the property breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from textwrap import wrap

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from model.machine import Outcome
from model.source import UPSTREAM_COMMIT
from model.variables import Key
from proofs.findings import Finding, findings
from proofs.traces.path import Passage, decisions
from proofs.traces.trace import Change, Trace, TraceStep
from proofs.traces.values import field_text, object_text, partition_name, party
from proofs.traces.watch import Watch
from proofs.traces.words import actor_text, end_text, notes, start_text

PROSE_WIDTH = 100
"""Columns of running text."""
PATH_WIDTH = 120
"""Columns that a condition and its values may share."""


@dataclass(frozen=True, slots=True)
class View:
    """What of a trace is shown: one step or all, whose paths, side by side, what is watched."""

    step: int | None = None
    all_paths: bool = False
    columns: bool = False
    watches: tuple[Watch, ...] = ()


def acting_cpus(trace: Trace) -> list[int]:
    """The CPUs that do something, in order."""
    return sorted({step.action.cpu for step in trace.steps})


def render(trace: Trace, view: View) -> RenderableType:
    """The trace as the terminal shows it."""
    parts: list[RenderableType] = [*_heading(trace), ""]
    if view.columns and view.step is None:
        parts.append(_columns(trace, view))
        parts += path_lines(trace.steps[-1], whole=False) if trace.steps and not view.all_paths else []
    else:
        parts += _listed(trace, view)
    return Group(*parts, *_ending(trace), *(_explanation(trace) if view.step is None else ()))


def _heading(trace: Trace) -> Iterator[RenderableType]:
    """What was found, in which trace, and how the trace names things."""
    finding = described(trace)
    if trace.finding:
        yield Text(f"Finding {trace.finding}" + (f": {finding.title}" if finding else ""), "bold")
    if finding:
        yield _paragraph("", f"{finding.happens} ({finding.kind}, severity {finding.severity})")
        yield ""
    if trace.property_id:
        yield Text(f"Violated, {trace.property_id}: {trace.title}", "bold")
    windows = ", CPUs interleave at every window" if trace.granularity == "section" else ""
    place = f"{len(trace)} steps on {trace.topology.name} ({trace.topology.description}){windows}"
    yield _paragraph("", f"{place}; Hafnium {UPSTREAM_COMMIT}; replayed by the concrete reading", "dim")
    yield _paragraph("", " ".join(names_used(trace)), "dim")


def names_used(trace: Trace) -> Iterator[str]:
    """How a trace names things, a sentence each."""
    partition = trace.topology.partitions[0]
    name = partition_name(partition.id, trace.is_spmc)
    yield f"vcpu {partition.id:#x}.0 is vCPU 0 of {name}" + ("," if trace.is_spmc else ".")
    if trace.is_spmc:
        yield "vcpu 0x0.0 stands for the normal world (NWd) on CPU0."
    if trace.granularity == "section":
        yield "A window is a place in the C code where it holds no lock, or has made half of a change: others may run."


def _paragraph(label: str, text: str, style: str = "") -> RenderableType:
    """Text of several lines, with a hanging label."""
    lines = wrap(text, PROSE_WIDTH - len(label), break_on_hyphens=False)
    return Text(label, "bold").append(f"\n{' ' * len(label)}".join(lines), f"not bold {style}")


def _listed(trace: Trace, view: View) -> Iterator[RenderableType]:
    """One block below the other for each step."""
    if view.step is None and view.watches:
        yield Padding(Text("initially").append_text(_watched(trace, 0, view.watches)), (0, 0, 0, 5), expand=False)
    for number, step in enumerate(trace.steps, 1):
        if view.step not in (None, number):
            continue
        line = Text().append(f"{number:3}  ", "dim").append_text(_step_line(trace, step))
        yield line
        detail = _details(trace, number, step, view)
        if view.all_paths or view.step == number:
            detail += path_lines(step)
        elif number == len(trace):
            detail += path_lines(step, whole=False)
        if detail:
            yield Padding(Group(*detail), (0, 0, 0, 7), expand=False)


def _step_line(trace: Trace, step: TraceStep) -> Text:
    line = Text().append(f"{actor_text(step.action, trace.is_spmc)}: ", "bold")
    return line.append_text(_what(trace, step))


def _what(trace: Trace, step: TraceStep) -> Text:
    quiet = step.action.operation == "api_regs_state_saved"
    line = Text().append(start_text(step, trace.is_spmc), "dim" if quiet else "")
    end = end_text(step, trace.is_spmc)
    if end:
        style = "bold red" if step.outcome.is_failure else "magenta" if step.outcome is Outcome.SUSPENDED else "cyan"
        line.append(" -> ").append(end, style)
    return line


def _details(trace: Trace, number: int, step: TraceStep, view: View) -> list[RenderableType]:
    with_locks = trace.shows_locks(number) or view.all_paths or view.step == number
    found: list[RenderableType] = [Text(note, "yellow") for note in notes(step, trace.is_spmc, with_locks)]
    found += [_change(change) for change in step.changes_in_c]
    reason = refusal(step) if number < len(trace) and not view.all_paths and view.step is None else None
    if reason is not None:
        found.append(Text("because ").append_text(_passage(reason, indent="")))
    if view.watches:
        found.append(_watched(trace, number, view.watches))
    return found


def _change(change: Change) -> Text:
    line = Text(f"{object_text(change.object)} ").append(change.field).append(": ")
    return line.append(change.old, "red").append(" -> ").append(change.new, "green")


def _watched(trace: Trace, number: int, watches: Sequence[Watch]) -> Text:
    states = trace.states
    line = Text()
    for watch in watches:
        now = watch.value(states[number])
        changed = number > 0 and watch.value(states[number - 1]) != now
        line.append(f"  [{watch.text}] = ", "blue").append(now, "bold blue" if changed else "blue")
        line.append(" *" if changed else "", "bold blue")
    return line


def path_lines(step: TraceStep, whole: bool = True) -> list[RenderableType]:
    """The conditions met on the path of a step, with the way each went and why; checks that hold only if `whole`."""
    return [_passage(passage, "  " * passage.depth) for passage in decisions(step.path, whole)]


def refusal(step: TraceStep) -> Passage | None:
    """The condition that led to the statement that made a call return FFA_ERROR; None where that cannot be told."""
    if step.reply is None or step.reply.code is None:
        return None
    path = iter(reversed(step.path))
    made = next((passage for passage in path if step.reply.code.value in _names(passage)), None)
    for distance, passage in enumerate(path):
        if made is None or (passage.location is None and passage.depth == made.depth):
            return None
        if passage.depth == made.depth and passage.is_decision:
            return passage if passage.taken or distance == 0 else None
    return None


def _names(passage: Passage) -> list[str]:
    """The names in a statement; none in a condition."""
    return [] if passage.is_decision else re.findall(r"\w+", passage.code)


def _passage(passage: Passage, indent: str) -> Text:
    line = Text(indent)
    if passage.location is None:
        return line.append(f"{passage.function}()", "bold").append(f"  {passage.file}", "dim")
    line.append(f"{'  ' if indent else ''}{str(passage.location).rpartition('/')[2]}: ", "dim").append(passage.code)
    line.append(f"  {verdict(passage)}", "green" if passage.taken else "red")
    if passage.values:
        values = ", ".join(passage.values)
        fits = len(line) + len(values) <= PATH_WIDTH
        line.append("   " if fits else f"\n{indent}      ").append(values, "dim")
    return line


def verdict(passage: Passage) -> str:
    """Which way a condition went, in a word."""
    if passage.is_check:
        return "holds" if passage.taken else "FAILS"
    return "yes" if passage.taken else "no"


def _columns(trace: Trace, view: View) -> Table:
    """A column for each CPU that acts."""
    cpus = acting_cpus(trace)
    table = Table(box=box.SIMPLE, pad_edge=False, expand=True)
    table.add_column("")
    for cpu in cpus:
        table.add_column(f"CPU{cpu}", overflow="fold", ratio=1)
    for number, step in enumerate(trace.steps, 1):
        actor = party(step.action.actor, trace.is_spmc) + ": " if step.action.actor else ""
        shown = [Text().append(actor, "bold").append_text(_what(trace, step)), *_details(trace, number, step, view)]
        if view.all_paths:
            shown += path_lines(step)
        cells: list[RenderableType] = [Group(*shown) if cpu == step.action.cpu else "" for cpu in cpus]
        table.add_row(Text(str(number), "dim"), *cells)
    return table


def _ending(trace: Trace) -> Iterator[RenderableType]:
    """Where and why the property breaks."""
    if trace.breach is None:
        return
    about = ", ".join(party(key, trace.is_spmc) for key in trace.objects)
    yield ""
    yield Text(f"{trace.property_id} breaks after step {len(trace)}{f', for {about}' if about else ''}", "bold red")
    yield _paragraph("  ", trace.statement)
    yield from (Text(f"  {reason}", "bold") for reason in trace.breach.reasons)
    yield from (Text(f"    {read}") for read in trace.breach.reads)
    yield from (Text(f"    {meaning}", "dim") for meaning in trace.breach.meanings)


def _explanation(trace: Trace) -> Iterator[RenderableType]:
    """Why the code does that, what it takes, and what might be done about it, as the finding has it."""
    finding = described(trace)
    if finding:
        yield ""
        yield _paragraph("Cause   ", finding.cause)
        yield _paragraph("Takes   ", finding.requires)
        yield _paragraph("Fix     ", finding.fix)
        for label, source in zip_longest(["Source  "], finding.sources, fillvalue=" " * 8):
            yield _paragraph(label, source)


def described(trace: Trace) -> Finding | None:
    """The finding that a trace shows; None if it shows none that is known."""
    return findings().get(trace.finding)


def render_state(trace: Trace, number: int) -> RenderableType:
    """Every field of the state after `number` steps; marked: what the step before changed."""
    layout = trace.layout
    state = trace.states[number]
    changed = {(c.object, c.field): c.old for c in trace.steps[number - 1].changes} if number else {}
    table = Table(title=f"state {number}", box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    for heading in ("object", "field", "value"):
        table.add_column(heading)
    previous: Key | None = None
    for variable in layout.variables:
        old = changed.get((variable.owner, variable.field))
        now = field_text(variable, state[variable.index])
        value = Text(now) if old is None else Text(now, "bold green").append(f"  (was {old})", "red")
        name = "" if variable.owner == previous else _object_and_party(trace, variable.owner)
        previous = variable.owner
        table.add_row(name, variable.field, value)
    return table


def _object_and_party(trace: Trace, key: Key) -> str:
    return f"{object_text(key)} ({party(key, trace.is_spmc)})" if key.kind != "cpu" else object_text(key)
