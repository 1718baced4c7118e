"""Explicit search for every choice of the free variants at once.

Each state carries the set of choices under which it is reachable (a featured transition system, in the words of
software product lines). When the search is complete, what it says is exact for every single choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from model.diagram import Diagram, Leaf, Node, leaf_for
from model.environment import Action
from model.exploration import Relation
from model.machine import Outcome
from proofs.engines.choices import ALL, NONE, ChoiceSet, ChoiceSets, Literal
from proofs.engines.predicates import FALSE, TRUE, PredicateCompiler, instances, step_label
from proofs.engines.successors import Choice, State, Successors
from properties.language import Kind, Property


class Splitter:
    """Where a state leads to in a diagram, under which choices."""

    def __init__(self, relation: Relation):
        layout = relation.layout
        self._first_variant = layout.first_variant
        self._names = [variable.field for variable in layout.variables[layout.first_variant :]]
        self.sets = ChoiceSets(self._names)

    def leaves(self, diagram: Diagram, state: State, choices: ChoiceSet) -> Iterator[tuple[Leaf, ChoiceSet]]:
        """The leaves that a state leads to, each with those of the choices under which it does."""
        sets = self.sets
        stack = [(diagram, choices)]
        while stack:
            item, taken = stack.pop()
            while isinstance(item, Node):
                if item.variable < self._first_variant:
                    item = item.high if item.mask >> state[item.variable] & 1 else item.low
                    continue
                name = self._names[item.variable - self._first_variant]
                high = sets.both(taken, sets.literal(Literal(name, item.mask == 2)))
                low = sets.without(taken, high)
                if low != NONE and high != NONE:
                    stack.append((item.low, low))
                item, taken = (item.high, high) if high != NONE else (item.low, low)
            yield item, taken


@dataclass(slots=True)
class Spaces:
    """What was found, for all choices: under which of them each property is violated, and each check fails."""

    sets: ChoiceSets
    complete: bool = False
    depth: int = 0
    reached: dict[State, ChoiceSet] = field(default_factory=dict)
    violated: dict[str, ChoiceSet] = field(default_factory=dict)
    witnessed: dict[str, ChoiceSet] = field(default_factory=dict)
    """For each property of kind SOMETIMES, the choices under which the step it asks for is reachable."""
    lengths: dict[str, list[tuple[int, ChoiceSet]]] = field(default_factory=dict)
    """For each property, the choices under which a shortest violation has so many steps."""
    failures: dict[tuple[Outcome, str], ChoiceSet] = field(default_factory=dict)


class ParametricSearch:
    """Breadth-first search of a relation with free variants."""

    def __init__(
        self,
        relation: Relation,
        properties: Sequence[Property],
        max_states: int,
        choices: Iterable[Iterable[str]] | None = None,
    ):
        """`choices` are those to be searched, each by the variants that take the other alternative; None: all."""
        self._splitter = Splitter(relation)
        self._successors = Successors(relation)
        self._compiler = PredicateCompiler(relation)
        self._max_states = max_states
        self._on_states = [
            (item.id, self._compiler.on_states(item.holds, instance.objects))
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
        self._wanted = [item.id for item in properties if item.kind is Kind.SOMETIMES]
        self._step_diagrams: dict[tuple[int, int], list[tuple[Property, Diagram]]] = {}
        sets = self._splitter.sets
        self._choices = ALL if choices is None else sets.of(choices)
        self.spaces = Spaces(sets)

    def run(self) -> Spaces:
        """Search until every state was reached under every choice that reaches it, or `max_states` states are known."""
        spaces = self.spaces
        frontier = {self._successors.initial(): self._choices}
        spaces.reached = dict(frontier)
        self._check_states(frontier)
        while frontier and len(spaces.reached) <= self._max_states:
            frontier = self._level(frontier)
            spaces.depth += 1
            self._check_states(frontier)
        for name in self._wanted:
            spaces.violated[name] = spaces.sets.without(self._choices, spaces.witnessed.get(name, NONE))
        spaces.complete = not frontier
        return spaces

    def _level(self, frontier: dict[State, ChoiceSet]) -> dict[State, ChoiceSet]:
        """One step from each state of a level, under the choices that are new there."""
        spaces, sets = self.spaces, self.spaces.sets
        following: dict[State, ChoiceSet] = {}
        for state, choices in frontier.items():
            for choice in self._successors.choices(state):
                for leaf, taken in self._splitter.leaves(choice.diagram, state, choices):
                    if leaf.outcome is Outcome.DISABLED or leaf.outcome is Outcome.BLOCKED:
                        continue
                    self._check_step(state, choice, leaf, taken)
                    if leaf.outcome.is_failure or leaf.outcome is Outcome.RESET:
                        continue
                    after = self._successors.after(state, leaf)
                    known = spaces.reached.get(after, NONE)
                    new = sets.without(taken, known)
                    if new != NONE:
                        spaces.reached[after] = sets.either(known, new)
                        following[after] = sets.either(following.get(after, NONE), new)
        return following

    def _check_states(self, frontier: dict[State, ChoiceSet]) -> None:
        for name, holds in self._on_states:
            for state, choices in frontier.items():
                if leaf_for(holds, state) is FALSE:  # type: ignore[arg-type]
                    self._violated(name, choices, self.spaces.depth)

    def _check_step(self, state: State, choice: Choice, leaf: Leaf, taken: ChoiceSet) -> None:
        if leaf.outcome.is_failure:
            key = (leaf.outcome, leaf.where)
            failures = self.spaces.failures
            failures[key] = self.spaces.sets.either(failures.get(key, NONE), taken)
        for item, holds in self._diagrams(choice, leaf):
            found = leaf_for(holds, state) is TRUE  # type: ignore[arg-type]
            if item.kind is Kind.SOMETIMES and found:
                witnessed = self.spaces.witnessed
                witnessed[item.id] = self.spaces.sets.either(witnessed.get(item.id, NONE), taken)
            elif item.kind is Kind.STEP and not found:
                self._violated(item.id, taken, self.spaces.depth + 1)

    def _violated(self, name: str, choices: ChoiceSet, length: int) -> None:
        spaces, sets = self.spaces, self.spaces.sets
        known = spaces.violated.get(name, NONE)
        new = sets.without(choices, known)
        if new != NONE:
            spaces.violated[name] = sets.either(known, new)
            spaces.lengths.setdefault(name, []).append((length, new))

    def _diagrams(self, choice: Choice, leaf: Leaf) -> list[tuple[Property, Diagram]]:
        """The step properties that a leaf may violate, or be the witness of."""
        key = (id(choice), id(leaf))
        found = self._step_diagrams.get(key)
        if found is None:
            label = step_label(choice.action, leaf, choice.section == 0)
            diagrams = (
                (one.property, self._compiler.on_step(one.property.holds, one.objects, label, leaf))
                for one in self._on_steps
            )
            found = self._step_diagrams[key] = [
                (item, holds)
                for item, holds in diagrams
                if holds is not (FALSE if item.kind is Kind.SOMETIMES else TRUE)
            ]
        return found


def choices_that_show(
    relation: Relation, actions: Sequence[Action], shown: Callable[[int, State, Leaf], bool]
) -> tuple[ChoiceSets, ChoiceSet]:
    """The choices under which an execution of these actions shows what is wanted at every step.

    `shown` is asked of a step's number (from 0), the state before it, and its leaf.
    """
    splitter, successors = Splitter(relation), Successors(relation)
    sets = splitter.sets
    diagrams = dict(relation.first)
    states = {successors.initial(): ALL}
    for number, action in enumerate(actions):
        following: dict[State, ChoiceSet] = {}
        for state, choices in states.items():
            for leaf, taken in splitter.leaves(diagrams[action], state, choices):
                if shown(number, state, leaf):
                    after = successors.after(state, leaf)
                    following[after] = sets.either(following.get(after, NONE), taken)
        states = following
    result = NONE
    for choices in states.values():
        result = sets.either(result, choices)
    return sets, result
