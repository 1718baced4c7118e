"""Concrete states of a relation: successors, breadth-first search, random walks, and what was never seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from model.diagram import Copy, Diagram, Leaf, Node
from model.exploration import Relation
from model.machine import Outcome
from model.variables import Layout
from proofs.engines.outcome import Cube, StepChoice

State = tuple[int, ...]
"""The position of the value of each variable of a layout."""

NO_STEP = frozenset({Outcome.DISABLED, Outcome.BLOCKED})


def is_step(leaf: Leaf) -> bool:
    """Whether a leaf stands for something that happens."""
    return leaf.outcome not in NO_STEP


def is_halt(leaf: Leaf) -> bool:
    """Whether nothing happens any more after a leaf: it leads to no state."""
    return leaf.outcome.is_failure or leaf.outcome is Outcome.RESET


def state_after(state: State, leaf: Leaf) -> State:
    """The state that a step leads to."""
    changed = list(state)
    for variable, written in leaf.writes:
        changed[variable] = state[written.variable] if isinstance(written, Copy) else written
    return tuple(changed)


@dataclass(frozen=True, slots=True)
class Choice:
    """What can be chosen in a state: an action, or the continuation that a CPU's `section` names."""

    step: StepChoice
    cpu: int
    section: int
    diagram: Diagram


def choices(relation: Relation) -> tuple[Choice, ...]:
    """Everything that can be chosen: the actions, then the continuations by number."""
    actions = (Choice(StepChoice(action, True), action.cpu, 0, diagram) for action, diagram in relation.first)
    continuations = (
        Choice(StepChoice(section, False), section.action.cpu, number, diagram)
        for number, (section, diagram) in enumerate(relation.continuations, 1)
    )
    return (*actions, *continuations)


class Stepper:
    """The steps that are possible in a state, found by walking the relation's diagrams."""

    def __init__(self, relation: Relation):
        self._choices = choices(relation)
        self._control = tuple(_control_variables(relation.layout, cpu) for cpu in range(relation.layout.topology.cpus))
        self._possible: dict[tuple[int, ...], tuple[tuple[StepChoice, Diagram], ...]] = {}

    def steps(self, state: State) -> Iterator[tuple[StepChoice, Leaf]]:
        """Every step of a state."""
        for cpu, control in enumerate(self._control):
            key = (cpu, *[state[variable] for variable in control])
            possible = self._possible.get(key)
            if possible is None:
                possible = self._possible[key] = self._restricted(cpu, dict(zip(control, key[1:], strict=True)))
            for step, item in possible:
                diagram = item
                while diagram.__class__ is Node:
                    diagram = diagram.high if diagram.mask >> state[diagram.variable] & 1 else diagram.low
                if diagram.outcome not in NO_STEP:  # type: ignore[union-attr]
                    yield step, diagram  # type: ignore[misc]

    def successors(self, state: State) -> Iterator[State]:
        """The states one step away."""
        for _, leaf in self.steps(state):
            if not is_halt(leaf):
                yield state_after(state, leaf)

    def _restricted(self, cpu: int, values: dict[int, int]) -> tuple[tuple[StepChoice, Diagram], ...]:
        """The choices that a CPU's control variables leave open, and the rest of their diagrams."""
        section = next(iter(values.values()))
        possible = []
        for choice in self._choices:
            if choice.cpu == cpu and choice.section == section:
                diagram = choice.diagram
                while isinstance(diagram, Node) and diagram.variable in values:
                    diagram = diagram.high if diagram.mask >> values[diagram.variable] & 1 else diagram.low
                if isinstance(diagram, Node) or is_step(diagram):
                    possible.append((choice.step, diagram))
        return tuple(possible)


def _control_variables(layout: Layout, cpu: int) -> tuple[int, ...]:
    key = layout.cpu_keys[cpu]
    return tuple(layout.by_name[key, name].index for name in ("section", "current", "saving"))


def breadth_first(stepper: Stepper, initial: State, limit: int) -> Iterator[list[State]]:
    """The reachable states by distance, until about `limit` of them were found."""
    seen = {initial}
    layer = [initial]
    while layer:
        yield layer
        following: dict[State, None] = {}
        for state in layer:
            if len(seen) > limit:
                return
            for successor in stepper.successors(state):
                if successor not in seen:
                    seen.add(successor)
                    following[successor] = None
        layer = list(following)


def sample(stepper: Stepper, starts: Iterable[State], walks: int, length: int, seed: int) -> set[State]:
    """The states on random walks from the starts, with all their neighbours."""
    random = Random(seed)
    starting = list(starts)
    seen = set(starting)
    for number in range(walks):
        state = starting[number % len(starting)]
        for _ in range(length):
            following = list(stepper.successors(state))
            if not following:
                break
            seen.update(following)
            state = random.choice(following)
    return seen


class Observations:
    """Which combinations of values some states have, as one bit set of states for each value of a variable."""

    def __init__(self, states: Iterable[State], variables: Iterable[int]):
        columns = list(zip(*states, strict=True))
        self._having = {
            (variable, value): int("".join("1" if item == value else "0" for item in columns[variable]), 2)
            for variable in variables
            for value in set(columns[variable])
        }

    def has(self, cube: Cube) -> bool:
        """Whether some state is in a cube."""
        common = -1
        for literal in cube:
            common &= self._having.get(literal, 0)
        return common != 0
