"""Explicit-state search: every reachable state of a relation, breadth first, with every property checked on it."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from model.diagram import Diagram, Leaf, leaf_for
from model.machine import Outcome
from model.variables import Key
from proofs.engines.predicates import FALSE, TRUE, Instance, PredicateCompiler, instances, step_label
from proofs.engines.successors import Choice, State, Successors
from properties.language import Kind, Property


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an execution: what was chosen, and the leaf it ended in."""

    choice: Choice
    leaf: Leaf


@dataclass(frozen=True, slots=True)
class Ending:
    """How an execution ends: in a state, or with a step from there that is not followed; the objects concerned."""

    state: int
    choice: Choice | None = None
    objects: tuple[Key, ...] = ()


class Arrivals:
    """The last steps of every shortest execution to each state: from which state, by which choice."""

    def __init__(self) -> None:
        self._last = array("q")
        self._sources = array("q")
        self._choices: list[Choice] = []
        self._earlier = array("q")

    def add_state(self) -> None:
        """Make room for one more state."""
        self._last.append(-1)

    def add(self, state: int, source: int, choice: Choice) -> None:
        """Note a step to a state."""
        self._earlier.append(self._last[state])
        self._last[state] = len(self._sources)
        self._sources.append(source)
        self._choices.append(choice)

    def of(self, state: int) -> list[tuple[int, Choice]]:
        """The steps to a state, in the order in which they were found."""
        found = []
        number = self._last[state]
        while number >= 0:
            found.append((self._sources[number], self._choices[number]))
            number = self._earlier[number]
        return found[::-1]


@dataclass(slots=True)
class Space:
    """What was found: the states in breadth-first order, how they are reached soonest, and the properties' fates."""

    complete: bool = False
    depth: int = 0
    states: list[State] = field(default_factory=list)
    levels: list[int] = field(default_factory=lambda: [0, 1])
    """For each number of steps, the first state that takes as many."""
    arrivals: Arrivals = field(default_factory=Arrivals)
    edges: list[tuple[int, ...]] = field(default_factory=list)
    violations: dict[str, list[Ending]] = field(default_factory=dict)
    """For each property, how the shortest executions that violate it end."""
    witnesses: dict[str, int] = field(default_factory=dict)
    failures: dict[tuple[Outcome, str], list[Ending]] = field(default_factory=dict)
    """For each failing check, how the shortest executions that reach it end."""
    doomed: set[int] = field(default_factory=set)
    """The states in which an operation in progress fails."""

    def length(self, ending: Ending) -> int:
        """The number of steps of the shortest executions with an ending."""
        return bisect_right(self.levels, ending.state) - 1 + (ending.choice is not None)


class ExplicitSearch:
    """Breadth-first search of a relation for the properties of a catalogue.

    `beyond` keeps violations of every length, not only the shortest, and does not follow an execution after one.
    """

    def __init__(
        self,
        successors: Successors,
        properties: Sequence[Property],
        max_states: int,
        keep_edges: bool = False,
        max_depth: int | None = None,
        beyond: bool = False,
    ):
        self._successors = successors
        self._max_depth = max_depth
        self._max_states = max_states
        self._keep_edges = keep_edges
        self._beyond = beyond
        self._not_followed: set[int] = set()
        self._settled: set[str | tuple[Outcome, str]] = set()
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
        for _ in self.levels():
            pass
        return self.space

    def levels(self) -> Iterator[int]:
        """Search, and stop after every level: yields the length up to which all executions are known."""
        space, successors = self.space, self._successors
        number: dict[State, int] = {}
        self._add(number, successors.initial())
        self._settle()
        current = 0
        level_end = 1
        while current < len(space.states) and len(space.states) <= self._max_states:
            if current == level_end:
                space.depth += 1
                level_end = len(space.states)
                space.levels.append(level_end)
                self._settle()
                yield space.depth
            if space.depth == self._max_depth:
                break
            state = space.states[current]
            followers = []
            for choice, leaf in () if current in self._not_followed else successors.steps(state):
                violated = self._check_step(current, state, choice, leaf)
                if leaf.outcome.is_failure or leaf.outcome is Outcome.RESET or (violated and self._beyond):
                    continue
                after = successors.after(state, leaf)
                follower = number.get(after)
                if follower is None:
                    follower = self._add(number, after)
                if follower >= level_end:
                    space.arrivals.add(follower, current, choice)
                followers.append(follower)
            if self._keep_edges:
                space.edges.append(tuple(followers))
            current += 1
        space.complete = current == len(space.states)
        yield space.depth

    def _add(self, number: dict[State, int], state: State) -> int:
        space = self.space
        position = number[state] = len(space.states)
        space.states.append(state)
        space.arrivals.add_state()
        for instance, (holds, antecedent) in self._on_states:
            name = instance.property.id
            if name not in self._settled and leaf_for(holds, state) is FALSE:  # type: ignore[arg-type]
                space.violations.setdefault(name, []).append(Ending(position, None, instance.objects))
                if self._beyond:
                    self._not_followed.add(position)
            if name not in space.witnesses and leaf_for(antecedent, state) is TRUE:  # type: ignore[arg-type]
                space.witnesses[name] = space.length(Ending(position))
        return position

    def _check_step(self, source: int, state: State, choice: Choice, leaf: Leaf) -> bool:
        """Note what a step violates and witnesses; whether it violates anything that is not settled."""
        space = self.space
        if leaf.outcome.is_failure:
            if choice.section:
                space.doomed.add(source)
            check = (leaf.outcome, leaf.where)
            if check not in self._settled:
                space.failures.setdefault(check, []).append(Ending(source, choice))
        violated = False
        for instance, holds, antecedent in self._diagrams(choice, leaf):
            name = instance.property.id
            if name not in self._settled and leaf_for(holds, state) is FALSE:  # type: ignore[arg-type]
                violated = True
                space.violations.setdefault(name, []).append(Ending(source, choice, instance.objects))
            if name not in space.witnesses and leaf_for(antecedent, state) is TRUE:  # type: ignore[arg-type]
                space.witnesses[name] = space.length(Ending(source, choice))
        return violated

    def _settle(self) -> None:
        """Violations and failures that were found are not looked for any more: others take more steps."""
        if not self._beyond:
            self._settled = {*self.space.violations, *self.space.failures}

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
