"""Traces: an execution with everything a reader needs, made by replaying it with the concrete reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import msgspec

from model.environment import Action, Assumptions
from model.machine import Outcome
from model.readings import Concrete
from model.simulation import Executed, Simulation
from model.source import UPSTREAM_COMMIT, Location
from model.topology import Topology
from model.tracing import passed_lines
from model.values import HF_INVALID_VM_ID, FfaValue
from model.variables import Key, Layout, Variable
from properties.language import Kind, Property, StepLabel


class ReplayError(RuntimeError):
    """The concrete reading does not do what the trace says: an internal error, never a finding."""


@dataclass(frozen=True, slots=True)
class Change:
    """A field whose value a step changed."""

    object: Key
    field: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.object.kind} {self.object} {self.field}: {self.old} -> {self.new}"


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One step: who did what, from which window on, how it ended, what changed, which lines were passed."""

    action: Action
    window: str
    outcome: Outcome
    where: str
    reply: FfaValue | None
    delivered: tuple[tuple[Key, FfaValue], ...]
    events: tuple[str, ...]
    refused: tuple[str, ...]
    changes: tuple[Change, ...]
    lines: tuple[Location, ...]
    state: tuple[int, ...]

    @property
    def label(self) -> StepLabel:
        """What the step shows, as properties see it."""
        return StepLabel(
            self.action,
            self.outcome,
            self.where,
            self.reply,
            self.delivered,
            self.events,
            self.refused,
            not self.window,
        )


@dataclass(frozen=True, slots=True)
class Trace:
    """An execution from the initial state; its length is its number of steps."""

    topology: Topology
    granularity: str
    assume: Assumptions
    assertions: bool
    initial: tuple[int, ...]
    steps: tuple[TraceStep, ...]
    property: str = ""
    objects: tuple[Key, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.steps)

    def summary_lines(self) -> list[str]:
        """The execution in words: one line for each step, then the lifecycle state it changed."""
        lines = []
        for number, step in enumerate(self.steps, 1):
            lines.append(f"{number:3}. {describe(step)}")
            if number == len(self.steps) or any(change.field == "state" for change in step.changes):
                shown = [str(c) for c in step.changes if c.field == "state"]
                if shown:
                    lines.append("       " + "; ".join(shown))
        return lines

    def to_json(self) -> dict[str, Any]:
        """The trace as plain data (docs/formats.md, "Traces")."""
        return {
            "schema": "hafnium-lifecycle-proofs/trace",
            "version": 1,
            "upstream_commit": UPSTREAM_COMMIT,
            "topology": msgspec.to_builtins(self.topology),
            "granularity": self.granularity,
            "assumptions": msgspec.to_builtins(self.assume),
            "assertions": self.assertions,
            "property": self.property,
            "objects": [f"{key.kind} {key}" for key in self.objects],
            "steps": [_step_json(step) for step in self.steps],
        }


def describe(step: TraceStep) -> str:
    """One step in the words of the C code."""
    start = f"{step.action}" + (f" goes on after {step.window}" if step.window else "")
    match step.outcome:
        case Outcome.SUSPENDED:
            end = f"reaches window {step.where}"
        case Outcome.RETURN:
            end = f"returns {step.reply}" if step.reply else ""
        case _:
            end = f"{step.outcome.value.upper()} at {step.where}"
    told = ", ".join(f"{key} gets {value}" for key, value in step.delivered)
    return " | ".join(part for part in (start, end, told, *step.events, *step.refused) if part)


def _step_json(step: TraceStep) -> dict[str, Any]:
    action = step.action
    return {
        "cpu": action.cpu,
        "actor": None if action.actor is None else str(action.actor),
        "operation": action.operation,
        "arguments": [str(argument) for argument in action.arguments],
        "text": str(action),
        "after_window": step.window or None,
        "outcome": step.outcome.value,
        "where": step.where,
        "reply": None if step.reply is None else str(step.reply),
        "delivered": {str(key): str(value) for key, value in step.delivered},
        "events": list(step.events),
        "refused": list(step.refused),
        "changes": [
            {"object": f"{c.object.kind} {c.object}", "field": c.field, "old": c.old, "new": c.new}
            for c in step.changes
        ],
        "lines": [str(location) for location in step.lines],
    }


def record(
    topology: Topology,
    assume: Assumptions,
    granularity: str,
    choices: Iterable[Action],
    assertions: bool = True,
) -> Trace:
    """Execute actions from the initial state with the concrete reading; each choice is one step.

    Raises ReplayError when a step cannot happen.
    """
    layout = Layout(topology)
    simulation = Simulation(layout, assume, granularity == "section", assertions)
    initial = simulation.state
    steps = []
    for number, action in enumerate(choices, 1):
        before = simulation.state
        executed, lines = passed_lines(lambda: simulation.step(action))  # noqa: B023
        if executed.outcome in (Outcome.DISABLED, Outcome.BLOCKED):
            raise ReplayError(f"step {number} cannot happen: {action} is {executed.outcome.value}")
        steps.append(_trace_step(layout, action, before, executed, lines))
    return Trace(topology, granularity, assume, assertions, initial, tuple(steps))


def _trace_step(
    layout: Layout, action: Action, before: tuple[int, ...], executed: Executed, lines: Sequence[Location]
) -> TraceStep:
    changes = tuple(
        Change(v.owner, v.field, value_text(v, before[v.index]), value_text(v, executed.state[v.index]))
        for v in layout.variables
        if before[v.index] != executed.state[v.index]
    )
    labels = executed.labels
    return TraceStep(
        action,
        executed.window,
        executed.outcome,
        executed.where,
        executed.reply,
        tuple(labels.delivered),
        tuple(labels.events),
        tuple(labels.refused),
        changes,
        tuple(lines),
        executed.state,
    )


def value_text(variable: Variable, position: int) -> str:
    """A value as reports print it."""
    value = variable.domain[position]
    match value:
        case None:
            return "none"
        case Enum():
            return value.name
        case bool():
            return "true" if value else "false"
        case int():
            return "none" if value == HF_INVALID_VM_ID else f"{value:#x}"
        case tuple():
            return "[" + ", ".join(str(item) for item in value) + "]"
        case Key():
            return f"CPU{value}" if value.kind == "cpu" else str(value)
    return str(value)


def attribute(trace: Trace, item: Property, objects: tuple[Key, ...]) -> Trace:
    """The trace as a violation of a property.  Raises ReplayError when its last step does not violate it."""
    if holds_at_the_end(trace, item, objects):
        raise ReplayError(f"{item.id} holds at the end of an execution that was said to violate it")
    return replace(trace, property=item.id, objects=objects)


def holds_at_the_end(trace: Trace, item: Property, objects: tuple[Key, ...]) -> bool:
    """Whether a property holds in the last state, or of the last step, by the concrete reading."""
    layout = Layout(trace.topology)
    before, after = Concrete(layout), Concrete(layout)
    states = [trace.initial, *(step.state for step in trace.steps)]
    after.begin(list(states[-1]), 0)
    if item.kind in (Kind.ALWAYS, Kind.RECOVERABLE):
        return bool(item.holds(after, *(after.handles[key] for key in objects)))
    last = trace.steps[-1]
    before.begin(list(states[-2]), 0)
    pairs = [machine.handles[key] for key in objects for machine in (before, after)]
    return bool(item.holds(last.label, before, after, *pairs))


