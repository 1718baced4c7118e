"""A trace as a plain log in the manner of GDB: breakpoints, frames, watchpoints, returned values."""

from __future__ import annotations

from collections.abc import Iterator

from proofs.traces.text import verdict
from proofs.traces.trace import Trace, TraceStep
from proofs.traces.values import object_text
from proofs.traces.words import actor_text, end_text, notes, start_text


def gdb_log(trace: Trace) -> str:
    """The whole execution, every line passed included."""
    lines: list[str] = []
    cpu = None
    for number, step in enumerate(trace.steps, 1):
        if step.action.cpu != cpu:
            cpu = step.action.cpu
            lines.append(f"[Switching to CPU {cpu}]")
        lines += ["", *_step(trace, number, step)]
    if trace.breach is not None:
        lines += ["", f"{trace.property_id} violated: {trace.title}", *(f"  {read}" for read in trace.breach.reads)]
    return "\n".join(lines) + "\n"


def _step(trace: Trace, number: int, step: TraceStep) -> Iterator[str]:
    yield f"Step {number}, {actor_text(step.action, trace.is_spmc)}: {start_text(step, trace.is_spmc)}"
    for passage in step.path:
        indent = "  " * passage.depth
        if passage.location is None:
            yield f"{indent}{passage.function} () at {passage.file}"
        else:
            way = "" if passage.taken is None else f"  [{verdict(passage)}]"
            values = f"  {{{', '.join(passage.values)}}}" if passage.values else ""
            yield f"{indent}  {passage.location}\t{passage.code}{way}{values}"
    for change in step.changes:
        yield f"Watchpoint: {object_text(change.object)} {change.field}"
        yield f"  Old value = {change.old}"
        yield f"  New value = {change.new}"
    yield from notes(step, trace.is_spmc)
    end = end_text(step, trace.is_spmc)
    if end:
        yield f"=> {end}"
