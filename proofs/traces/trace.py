"""Traces: an execution with everything a reader needs, made by running it with the concrete reading."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from model.environment import Action, Assumptions
from model.machine import Outcome
from model.simulation import Executed, Simulation
from model.source import Location
from model.topology import Topology
from model.values import FfaValue, World
from model.variables import Key, Layout
from model.variants import DEFAULT_VARIANTS, Variants
from proofs.traces.breach import Breach, find_breach
from proofs.traces.file_format import TraceFile, encode, trace_file
from proofs.traces.path import Passage, walk
from proofs.traces.values import field_text, object_text
from proofs.traces.words import notes, step_text
from properties.language import Property, StepLabel

MODEL_ONLY = frozenset({"saving", "section"})
"""Fields that say where a CPU stands in an operation; nothing in the C code corresponds to them."""


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
        return f"{object_text(self.object)} {self.field}: {self.old} -> {self.new}"


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One step: who did what, from which window on, how it ended, who runs next, what changed, the path taken."""

    action: Action
    window: str
    outcome: Outcome
    where: str
    reply: FfaValue | None
    delivered: tuple[tuple[Key, FfaValue], ...]
    events: tuple[str, ...]
    refused: tuple[str, ...]
    next: Key | None
    changes: tuple[Change, ...]
    path: tuple[Passage, ...]
    state: tuple[int, ...]

    @property
    def changes_in_c(self) -> tuple[Change, ...]:
        """The changes of what the C code or the hardware has."""
        return tuple(change for change in self.changes if change.field not in MODEL_ONLY)

    @property
    def lines(self) -> tuple[Location, ...]:
        """The C lines passed, in order."""
        return tuple(passage.location for passage in self.path if passage.location is not None)

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
    """An execution from the initial state; its length is its number of steps.

    `property_id`, `title`, `statement` and `breach` say what its end violates, `finding` which finding it shows.
    """

    topology: Topology
    granularity: str
    assume: Assumptions
    assertions: bool
    initial: tuple[int, ...]
    steps: tuple[TraceStep, ...]
    property_id: str = ""
    objects: tuple[Key, ...] = ()
    title: str = ""
    statement: str = ""
    breach: Breach | None = None
    finding: str = ""
    variants: Variants = DEFAULT_VARIANTS

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def layout(self) -> Layout:
        """The variables of the trace's states."""
        return Layout(self.topology, variants=self.variants)

    @property
    def is_spmc(self) -> bool:
        """Whether the trace is of the SPMC, not of the hypervisor."""
        return self.topology.world is World.SPMC

    def state_changes(self, step: TraceStep) -> list[Change]:
        """The lifecycle states that a step changed; those of the other world's vCPUs mean nothing."""
        other_world = self.topology.partitions[-1].id
        return [change for change in step.changes if change.field == "state" and change.object.first != other_world]

    def shows_locks(self, number: int) -> bool:
        """Whether misuse of locks in a step is part of the story: if no property is violated, or by just that."""
        read = () if self.breach is None else self.breach.reads
        return not self.property_id or (number == len(self) and any(item.field == "events" for item in read))

    @property
    def states(self) -> tuple[tuple[int, ...], ...]:
        """Every state, the initial one first."""
        return (self.initial, *(step.state for step in self.steps))

    def summary_lines(self) -> list[str]:
        """The execution in words: one line for each step, then the lifecycle state it changed."""
        lines = []
        for number, step in enumerate(self.steps, 1):
            told = notes(step, self.is_spmc, self.shows_locks(number))
            lines.append(" | ".join([f"{number:3}. {step_text(step, self.is_spmc)}", *told]))
            shown = [str(change) for change in self.state_changes(step)]
            if shown:
                lines.append("       " + "; ".join(shown))
        return lines

    def to_file(self) -> TraceFile:
        """The trace as a trace file holds it."""
        return trace_file(self)

    def to_json(self) -> dict[str, Any]:
        """The trace as plain data (docs/schemas/trace.schema.json)."""
        return msgspec.json.decode(encode(self.to_file()), type=dict[str, Any])


class Recorder:
    """Executes actions one after the other from the initial state, and records a step for each."""

    def __init__(self, layout: Layout, assume: Assumptions, granularity: str, assertions: bool):
        self.layout = layout
        self._simulation = Simulation(layout, assume, granularity == "section", assertions)
        self._walked: dict[int, int] = {}
        self.initial = self._simulation.state

    def copy(self) -> Recorder:
        """A recorder that stands where this one does, and goes on by itself."""
        twin = copy(self)
        twin._walked = dict(self._walked)
        twin._simulation = copy(self._simulation)
        twin._simulation.suspended = {
            cpu: replace(suspended, values=list(suspended.values))
            for cpu, suspended in self._simulation.suspended.items()
        }
        return twin

    def in_progress(self, cpu: int) -> Action | None:
        """The action that a CPU has begun and not finished."""
        suspended = self._simulation.suspended.get(cpu)
        return None if suspended is None else suspended.action

    def step(self, action: Action) -> TraceStep | None:
        """Let an action happen, or go on; None, and nothing happened, if it cannot.

        Raises ValueError if the CPU is executing another action.
        """
        before = self._simulation.state
        skip = self._walked.get(action.cpu, 0)
        executed, path, walked = walk(lambda: self._simulation.step(action), self.layout.variants, skip)
        if executed.outcome in (Outcome.DISABLED, Outcome.BLOCKED):
            return None
        self._walked[action.cpu] = walked if executed.outcome is Outcome.SUSPENDED else 0
        return self._recorded(action, before, executed, path)

    def _recorded(
        self, action: Action, before: tuple[int, ...], executed: Executed, path: tuple[Passage, ...]
    ) -> TraceStep:
        changes = tuple(
            Change(v.owner, v.field, field_text(v, before[v.index]), field_text(v, executed.state[v.index]))
            for v in self.layout.variables
            if before[v.index] != executed.state[v.index]
        )
        current = self.layout.by_name[self.layout.cpu_keys[action.cpu], "current"]
        running = current.domain[executed.state[current.index]]
        switched = before[current.index] != executed.state[current.index] and isinstance(running, Key)
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
            running if switched and isinstance(running, Key) else None,
            changes,
            path,
            executed.state,
        )


def record(
    topology: Topology,
    assume: Assumptions,
    granularity: str,
    choices: Iterable[Action],
    assertions: bool = True,
    variants: Variants = DEFAULT_VARIANTS,
) -> Trace:
    """Execute actions from the initial state with the concrete reading; each choice is one step.

    Raises ReplayError when a step cannot happen.
    """
    recorder = Recorder(Layout(topology, variants=variants), assume, granularity, assertions)
    steps = []
    for number, action in enumerate(choices, 1):
        step = recorder.step(action)
        if step is None:
            raise ReplayError(f"step {number} cannot happen: {action}")
        steps.append(step)
    return Trace(topology, granularity, assume, assertions, recorder.initial, tuple(steps), variants=variants)


def attribute(trace: Trace, item: Property, objects: tuple[Key, ...]) -> Trace:
    """The trace as a violation of a property.  Raises ReplayError when its last step does not violate it."""
    found = _breach_at_the_end(trace, item, objects)
    if found is None:
        raise ReplayError(f"{item.id} holds at the end of an execution that was said to violate it")
    return replace(trace, property_id=item.id, objects=objects, title=item.title, statement=item.text, breach=found)


def holds_at_the_end(trace: Trace, item: Property, objects: tuple[Key, ...]) -> bool:
    """Whether a property holds in the last state, or of the last step, by the concrete reading."""
    return _breach_at_the_end(trace, item, objects) is None


def _breach_at_the_end(trace: Trace, item: Property, objects: tuple[Key, ...]) -> Breach | None:
    states = trace.states
    label = trace.steps[-1].label if trace.steps else None
    return find_breach(item, objects, trace.layout, states[max(len(states) - 2, 0)], states[-1], label)
