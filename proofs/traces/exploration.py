"""Exploring forwards: what each CPU can do next and what comes of it, taking a step, going back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from model.environment import Action, Assumptions, actions
from model.topology import Topology
from model.variables import Layout
from model.variants import DEFAULT_VARIANTS, Variants
from proofs.traces.breach import find_breach
from proofs.traces.trace import Recorder, ReplayError, Trace, TraceStep
from proofs.traces.values import object_text
from properties.language import Kind, Property


@dataclass(frozen=True, slots=True)
class Possibility:
    """Something a CPU can do next, and the step it would be."""

    action: Action
    step: TraceStep


@dataclass(frozen=True, slots=True)
class Violated:
    """A property that does not hold where the exploration stands."""

    property: Property
    objects: str


class Exploration:
    """An execution that is built step by step; `trace` is what was done so far."""

    def __init__(
        self,
        topology: Topology,
        assume: Assumptions,
        granularity: str,
        assertions: bool = True,
        variants: Variants = DEFAULT_VARIANTS,
    ):
        self.layout = Layout(topology, variants=variants)
        self._assume = assume
        self._actions = actions(topology, assume)
        self._recorders = [Recorder(self.layout, assume, granularity, assertions)]
        self._start = Trace(
            topology, granularity, assume, assertions, self._recorders[0].initial, (), variants=variants
        )
        self._steps: list[TraceStep] = []

    @classmethod
    def of(cls, trace: Trace, steps: int) -> Exploration:
        """An exploration that stands after so many steps of a trace."""
        exploration = cls(trace.topology, trace.assume, trace.granularity, trace.assertions, trace.variants)
        for step in trace.steps[:steps]:
            exploration.take(step.action)
        return exploration

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def is_over(self) -> bool:
        """Whether the last step stopped the system: nothing can happen any more."""
        return bool(self._steps) and self._steps[-1].outcome.is_failure

    @property
    def state(self) -> tuple[int, ...]:
        """The state the exploration stands in."""
        return self._steps[-1].state if self._steps else self._start.initial

    @property
    def trace(self) -> Trace:
        """What was done so far, as a trace."""
        return replace(self._start, steps=tuple(self._steps))

    def possibilities(self) -> list[Possibility]:
        """Everything that can happen next, by CPU."""
        if self.is_over:
            return []
        found = []
        for action in self._actions:
            in_progress = self._recorders[-1].in_progress(action.cpu)
            if in_progress in (None, action):
                step = self._recorders[-1].copy().step(action)
                if step is not None:
                    found.append(Possibility(action, step))
        return sorted(found, key=lambda item: item.action.cpu)

    def take(self, action: Action) -> TraceStep:
        """Let an action happen.  Raises ReplayError if it cannot."""
        recorder = self._recorders[-1].copy()
        step = None if self.is_over else recorder.step(action)
        if step is None:
            raise ReplayError(f"{action} cannot happen here")
        self._recorders.append(recorder)
        self._steps.append(step)
        return step

    def back(self) -> bool:
        """Undo the last step; False if there is none."""
        if not self._steps:
            return False
        self._steps.pop()
        self._recorders.pop()
        return True

    def violated(self, properties: Iterable[Property]) -> list[Violated]:
        """The state and step properties that do not hold here."""
        states = self.trace.states
        label = self._steps[-1].label if self._steps else None
        found: list[Violated] = []
        for item in properties:
            applies = item.kind is Kind.ALWAYS or (item.kind is Kind.STEP and label is not None)
            if not applies or not item.applies_to(self._start.topology):
                continue
            found += [
                Violated(item, ", ".join(object_text(key) for key in objects))
                for objects in item.over(self._start.topology)
                if find_breach(item, objects, self.layout, states[max(len(states) - 2, 0)], states[-1], label)
            ]
        return found
