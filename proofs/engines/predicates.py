"""Properties as decision diagrams: on states, and on the steps of a relation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from model.diagram import Copy, Diagram, Diagrams, Leaf
from model.environment import Action
from model.exploration import Relation
from model.machine import Outcome
from model.readings import Lazy, Symbolic
from model.variables import Key
from properties.language import Property, StepLabel

TRUE = Leaf((), Outcome.RETURN, "true")
FALSE = Leaf((), Outcome.RETURN, "false")
"""The leaves of a predicate's diagram."""


class After(Symbolic):
    """The state after a step, seen through the state before it: what the step's leaf writes, else unchanged."""

    def over(self, before: Symbolic, leaf: Leaf) -> None:
        """Look at the state that a leaf makes of `before`."""
        self._before = before
        self._leaf_writes = dict(leaf.writes)

    def get(self, variable: int) -> Any:
        written = self._leaf_writes.get(variable)
        if written is None:
            return self._before.get(variable)
        if isinstance(written, Copy):
            return Lazy(self._before, written.variable)
        return self.decode(variable, written)

    def satisfies(self, handle: Any, name: str, predicate: Callable[[Any], bool]) -> bool:
        value = getattr(handle, name)
        return predicate(value.resolve() if isinstance(value, Lazy) else value)


@dataclass(frozen=True, slots=True)
class Instance:
    """A property about particular objects."""

    property: Property
    objects: tuple[Key, ...]


class PredicateCompiler:
    """Turns predicates into diagrams over the variables of a relation."""

    def __init__(self, relation: Relation):
        self._relation = relation
        self._before = Symbolic(relation.layout)
        self._after = After(relation.layout)
        self._store = Diagrams()

    def on_states(self, predicate: Callable[..., bool], objects: tuple[Key, ...]) -> Diagram:
        """The diagram of a state predicate; its leaves are TRUE and FALSE."""
        handles = [self._before.handles[key] for key in objects]
        return self._explore(lambda: predicate(self._before, *handles))

    def on_step(
        self, predicate: Callable[..., bool], objects: tuple[Key, ...], label: StepLabel, leaf: Leaf
    ) -> Diagram:
        """The diagram, over the state before, of a step predicate for the steps that end in a leaf."""
        handles = [machine.handles[key] for key in objects for machine in (self._before, self._after)]
        self._after.over(self._before, leaf)
        return self._explore(lambda: predicate(label, self._before, self._after, *handles))

    def _explore(self, predicate: Callable[[], bool]) -> Diagram:
        prefix: list[bool] = []
        highs: list[Diagram] = []
        while True:
            self._before.begin(self._relation.known, 0, prefix, 0, True)
            diagram: Diagram = TRUE if predicate() else FALSE
            questions, answers = self._before.questions, self._before.answers
            while answers and not answers[-1]:
                answers.pop()
                diagram = self._store.node(*questions[len(answers)], highs.pop(), diagram)
            if not answers:
                return diagram
            highs.append(diagram)
            answers[-1] = False
            prefix = list(answers)


def instances(item: Property, relation: Relation) -> Iterator[Instance]:
    """The instances of a property on a relation's topology."""
    for objects in item.over(relation.layout.topology):
        yield Instance(item, objects)


def step_label(action: Action, leaf: Leaf, first: bool) -> StepLabel:
    """What the steps that end in a leaf show."""
    return StepLabel(action, leaf.outcome, leaf.where, leaf.reply, leaf.delivered, leaf.events, leaf.refused, first)
