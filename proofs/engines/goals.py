"""What the symbolic engines look for: violations and witnesses of properties, as formulas of an encoding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import z3

from model.diagram import Diagram, Leaf, leaves
from model.exploration import Relation
from proofs.engines.encoding import NO_STEP, Encoding
from proofs.engines.predicates import FALSE, TRUE, After, Instance, PredicateCompiler, instances, step_label
from properties.language import Kind, Property, StepLabel

Consulted = tuple[str, str | int]
"""What a predicate looked at of a step: a part of its label or of its action, or what it writes to a variable."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Something to look for, in the states or in the steps: some instance's formula is true."""

    property: Property
    of_steps: bool
    cases: tuple[tuple[Instance, z3.BoolRef], ...]

    def formula(self) -> z3.BoolRef:
        """Some case is there."""
        return z3.Or(*[formula for _, formula in self.cases])


class Goals:
    """Makes goals of properties."""

    def __init__(self, encoding: Encoding):
        self._encoding = encoding
        self._compiler = StepClasses(encoding.relation)

    def violation(self, item: Property) -> Goal:
        """A state or step in which the property does not hold; for SOMETIMES, the step that has to be possible."""
        return self._goal(item, item.holds, item.kind is Kind.SOMETIMES)

    def witness(self, item: Property) -> Goal:
        """A state or step in which the property's antecedent is met."""
        return self._goal(item, item.antecedent, True)

    def _goal(self, item: Property, predicate: Callable[..., bool], wanted: bool) -> Goal:
        of_steps = item.kind in (Kind.STEP, Kind.SOMETIMES)
        find = self._in_steps if of_steps else self._in_states
        found = ((instance, find(predicate, instance, wanted)) for instance in instances(item, self._encoding.relation))
        return Goal(
            item, of_steps, tuple((instance, formula) for instance, formula in found if not z3.is_false(formula))
        )

    def _in_states(self, predicate: Callable[..., bool], instance: Instance, wanted: bool) -> z3.BoolRef:
        return self._truth(self._compiler.on_states(predicate, instance.objects), wanted)

    def _in_steps(self, predicate: Callable[..., bool], instance: Instance, wanted: bool) -> z3.BoolRef:
        cases = []
        for members, diagram in self._compiler.classes(predicate, instance.objects):
            if diagram is not (FALSE if wanted else TRUE):
                cases.append(z3.And(self._taken(members), self._truth(diagram, wanted)))
        return z3.Or(*cases) if cases else z3.BoolVal(False)

    def _truth(self, diagram: Diagram, wanted: bool) -> z3.BoolRef:
        if not isinstance(diagram, Leaf):
            formula = self._encoding.holds(diagram)
            return formula if wanted else z3.Not(formula)
        return z3.BoolVal((diagram is TRUE) == wanted)

    def _taken(self, members: int) -> z3.BoolRef:
        """Whether one of some steps is taken."""
        roots = self._encoding.roots
        taken = []
        for leaf, ending, ways in self._compiler.endings:
            active = self._encoding.active[id(leaf)]
            if ending & members == ending:
                taken.append(active)
            elif ending & members:
                chosen = [roots[root].selected for bit, root in ways if bit & members]
                taken.append(z3.And(active, z3.Or(*chosen)))
        return z3.Or(*taken)


class StepClasses(PredicateCompiler):
    """Compiles a step predicate once for all steps among which it cannot tell a difference.

    A step is a root of the relation and a leaf that it leads to; sets of steps are bit masks.
    """

    def __init__(self, relation: Relation):
        super().__init__(relation)
        self._consulted: set[Consulted] = set()
        self._after = _RecordingAfter(relation.layout)
        self._after.noted = self._consulted
        self._labels: list[StepLabel] = []
        self._leaves: list[Leaf] = []
        self.endings = self._number(relation)
        self._alike: dict[Consulted, dict[Any, int]] = {}

    def classes(self, predicate: Callable[..., bool], objects: tuple[Any, ...]) -> Iterator[tuple[int, Diagram]]:
        """Sets of steps, each with the diagram of the predicate for all of them."""
        rest = (1 << len(self._leaves)) - 1
        while rest:
            first = (rest & -rest).bit_length() - 1
            self._consulted.clear()
            label = cast(StepLabel, _Recorder(self._labels[first], "label", self._consulted))
            diagram = self.on_step(predicate, objects, label, self._leaves[first])
            members = rest
            for item in self._consulted:
                members &= self._partition(item)[self._answer(item, first)]
            yield members, diagram
            rest &= ~members

    def _number(self, relation: Relation) -> tuple[tuple[Leaf, int, tuple[tuple[int, int], ...]], ...]:
        """Number the steps: each leaf with the set of steps that end there, and the root of each of those."""
        endings: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        roots = [(action, diagram, True) for action, diagram in relation.first]
        roots += [(section.action, diagram, False) for section, diagram in relation.continuations]
        by_id: dict[int, Leaf] = {}
        for root, (action, diagram, first) in enumerate(roots):
            for leaf in leaves(diagram):
                if leaf.outcome not in NO_STEP:
                    endings[id(leaf)].append((1 << len(self._leaves), root))
                    by_id[id(leaf)] = leaf
                    self._labels.append(step_label(action, leaf, first))
                    self._leaves.append(leaf)
        return tuple((by_id[key], sum(bit for bit, _ in ways), tuple(ways)) for key, ways in endings.items())

    def _partition(self, item: Consulted) -> dict[Any, int]:
        """The steps by what they answer to a question."""
        found = self._alike.get(item)
        if found is None:
            members: defaultdict[Any, list[int]] = defaultdict(list)
            for number in range(len(self._leaves)):
                members[self._answer(item, number)].append(number)
            found = self._alike[item] = {answer: _mask(numbers) for answer, numbers in members.items()}
        return found

    def _answer(self, item: Consulted, number: int) -> Any:
        kind, name = item
        if kind == "write":
            return next((written for variable, written in self._leaves[number].writes if variable == name), None)
        label = self._labels[number]
        return getattr(label if kind == "label" else label.action, str(name))


class _RecordingAfter(After):
    """The state after a step, noting which variables were read."""

    noted: set[Consulted]

    def get(self, variable: int) -> Any:
        self.noted.add(("write", variable))
        return super().get(variable)


class _Recorder:
    """A label or an action, noting which of its parts were read.  It cannot be compared as a whole."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, item: Any, kind: str, consulted: set[Consulted]):
        self._item = item
        self._kind = kind
        self._seen = consulted

    def __getattr__(self, name: str) -> Any:
        if name == "action":
            return _Recorder(self._item.action, "action", self._seen)
        self._seen.add((self._kind, name))
        return getattr(self._item, name)

    def __eq__(self, other: object) -> bool:
        raise TypeError(f"compare the parts of a {self._kind}, not the whole")


def _mask(numbers: list[int]) -> int:
    digits = bytearray(b"0") * (numbers[-1] + 1)
    for number in numbers:
        digits[-1 - number] = ord("1")
    return int(digits, 2)
