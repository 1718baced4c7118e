"""Explicit-state search: every reachable state of a relation, breadth first, with every property checked on it."""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from model.diagram import Diagram, Leaf, leaf_for
from model.machine import Outcome
from proofs.engines.predicates import FALSE, TRUE, Instance, PredicateCompiler, instances, step_label
from proofs.engines.successors import Choice, State, Successors
from properties.language import Kind, Property


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an execution: what was chosen, and the leaf it ended in."""

    choice: Choice
    leaf: Leaf


@dataclass(frozen=True, slots=True)
class Violation:
    """Where a property is first broken: the shortest execution, and the objects concerned."""

    instance: Instance
    steps: tuple[Step, ...]


@dataclass(slots=True)
class Space:
    """What was found: the states in breadth-first order, how each was first reached, and the properties' fates."""

    complete: bool = False
    depth: int = 0
    seconds: float = 0.0
    states: list[State] = field(default_factory=list)
    parents: array[int] = field(default_factory=lambda: array("q"))
    arrivals: list[Step | None] = field(default_factory=list)
    edges: list[tuple[int, ...]] = field(default_factory=list)
    violations: dict[str, Violation] = field(default_factory=dict)
    witnesses: dict[str, int] = field(default_factory=dict)
    failures: dict[tuple[Outcome, str], tuple[Step, ...]] = field(default_factory=dict)
    doomed: set[int] = field(default_factory=set)
    """The states in which an operation in progress fails."""

    def execution(self, state: int) -> tuple[Step, ...]:
        """A shortest execution that reaches a state."""
        steps = []
        arrival = self.arrivals[state]
        while arrival is not None:
            steps.append(arrival)
            state = self.parents[state]
            arrival = self.arrivals[state]
        return tuple(reversed(steps))


class ExplicitSearch:
    """Breadth-first search of a relation for the properties of a catalogue."""

    def __init__(
        self,
        successors: Successors,
        properties: Sequence[Property],
        max_states: int,
        keep_edges: bool = False,
        max_depth: int | None = None,
    ):
        self._successors = successors
        self._max_depth = max_depth
        self._max_states = max_states
        self._keep_edges = keep_edges
        self._compiler = PredicateCompiler(successors.relation)
        relation = successors.relation
        self._on_states = [
            (instance, self._state_diagrams(instance))
            for item in properties
            if item.kind is Kind.ALWAYS
            for instance in instances(item, relation)
        ]
        self._on_steps = [
            instance
            for item in properties
            if item.kind in (Kind.STEP, Kind.SOMETIMES)
            for instance in instances(item, relation)
        ]
        self._step_diagrams: dict[tuple[int, int], list[tuple[Instance, Diagram, Diagram]]] = {}
        self.space = Space()

    def run(self) -> Space:
        """Search until every reachable state was seen, or `max_states` of them, or `max_depth` steps."""
        started = time.perf_counter()
        space, successors = self.space, self._successors
        number: dict[State, int] = {}
        self._add(number, successors.initial(), -1, None)
        current = 0
        level_end = 1
        while current < len(space.states) and len(space.states) <= self._max_states:
            if current == level_end:
                space.depth += 1
                level_end = len(space.states)
                if space.depth == self._max_depth:
                    break
            state = space.states[current]
            followers = []
            for choice, leaf in successors.steps(state):
                self._check_step(current, state, choice, leaf)
                if leaf.outcome.is_failure or leaf.outcome is Outcome.RESET:
                    continue
                after = successors.after(state, leaf)
                follower = number.get(after)
                if follower is None:
                    follower = self._add(number, after, current, Step(choice, leaf))
                followers.append(follower)
            if self._keep_edges:
                space.edges.append(tuple(followers))
            current += 1
        space.complete = current == len(space.states)
        space.seconds = time.perf_counter() - started
        return space

    def _add(self, number: dict[State, int], state: State, parent: int, arrival: Step | None) -> int:
        space = self.space
        position = number[state] = len(space.states)
        space.states.append(state)
        space.parents.append(parent)
        space.arrivals.append(arrival)
        for instance, (holds, antecedent) in self._on_states:
            name = instance.property.id
            if name not in space.violations and leaf_for(holds, state) is FALSE:  # type: ignore[arg-type]
                space.violations[name] = Violation(instance, space.execution(position))
            if name not in space.witnesses and leaf_for(antecedent, state) is TRUE:  # type: ignore[arg-type]
                space.witnesses[name] = len(space.execution(position))
        return position

    def _check_step(self, source: int, state: State, choice: Choice, leaf: Leaf) -> None:
        space = self.space
        if leaf.outcome.is_failure:
            if choice.section:
                space.doomed.add(source)
            if (leaf.outcome, leaf.where) not in space.failures:
                space.failures[leaf.outcome, leaf.where] = (*space.execution(source), Step(choice, leaf))
        for instance, holds, antecedent in self._diagrams(choice, leaf):
            name = instance.property.id
            violated = leaf_for(holds, state) is FALSE  # type: ignore[arg-type]
            if violated and name not in space.violations:
                space.violations[name] = Violation(instance, (*space.execution(source), Step(choice, leaf)))
            if name not in space.witnesses and leaf_for(antecedent, state) is TRUE:  # type: ignore[arg-type]
                space.witnesses[name] = len(space.execution(source)) + 1

    def _state_diagrams(self, instance: Instance) -> tuple[Diagram, Diagram]:
        item = instance.property
        return (
            self._compiler.on_states(item.holds, instance.objects),
            self._compiler.on_states(item.antecedent, instance.objects),
        )

    def _diagrams(self, choice: Choice, leaf: Leaf) -> list[tuple[Instance, Diagram, Diagram]]:
        """The step properties that a leaf may violate or witness, with their diagrams."""
        key = (id(choice), id(leaf))
        found = self._step_diagrams.get(key)
        if found is None:
            label = step_label(choice.action, leaf, choice.section == 0)
            found = []
            for instance in self._on_steps:
                item = instance.property
                holds = self._compiler.on_step(item.holds, instance.objects, label, leaf)
                antecedent = self._compiler.on_step(item.antecedent, instance.objects, label, leaf)
                if holds is not TRUE or antecedent is not FALSE:
                    found.append((instance, holds, antecedent))
            self._step_diagrams[key] = found
        return found
