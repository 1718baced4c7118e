"""A relation as Boolean formulas: every variable in binary, the next state as functions of state and choice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property

import z3

from model.diagram import Copy, Diagram, Leaf, Node, leaf_for
from model.exploration import Granularity, Relation, initial_masks
from model.machine import Outcome
from proofs.engines.outcome import Cube, StepChoice
from proofs.engines.predicates import TRUE

NO_STEP = frozenset({Outcome.DISABLED, Outcome.BLOCKED})
GOES_ON = frozenset({Outcome.RETURN, Outcome.SUSPENDED})


@dataclass(frozen=True, slots=True)
class Root:
    """Something that can be chosen, with its diagram and the condition under which it is."""

    step: StepChoice
    diagram: Diagram
    selected: z3.BoolRef


class Encoding:
    """The formulas of a relation.

    Only variables with more than one known value have bits.  A choice is an action, or a CPU that goes on where
    its `section` variable says.  A choice that is no step, and a step that ends the execution, leave the state as
    it is: the relation is total, and nothing is reachable that is not reachable without these idle steps.
    """

    def __init__(self, relation: Relation):
        self.relation = relation
        self.values = [_positions(mask) for mask in relation.known]
        self._bits = [_bits(f"v{number}", len(values)) for number, values in enumerate(self.values)]
        self._within: dict[tuple[int, int], z3.BoolRef] = {}
        self._sections = [relation.layout.by_name[key, "section"].index for key in relation.layout.cpu_keys]
        self.roots = self._roots()
        self.active, self.leaves = self._activations()
        self.state_bits = [bit for bits in self._bits for bit in bits]
        self.next_bits = [z3.Bool(f"{bit}'") for bit in self.state_bits]

    def within(self, variable: int, mask: int) -> z3.BoolRef:
        """Whether a variable has one of the values of a mask."""
        known = self.relation.known[variable]
        key = (variable, mask & known)
        formula = self._within.get(key)
        if formula is None:
            formula = self._within[key] = self._membership(variable, mask & known, known)
        return formula

    def cube(self, cube: Cube) -> z3.BoolRef:
        """Whether the state is in a cube."""
        return z3.And(*[self.within(variable, mask) for variable, mask in cube])

    def holds(self, predicate: Diagram) -> z3.BoolRef:
        """Whether a predicate's diagram leads to TRUE."""
        formulas: dict[int, z3.BoolRef] = {}
        for item in reversed(_topological([predicate])):
            if isinstance(item, Leaf):
                formulas[id(item)] = z3.BoolVal(item is TRUE)
            else:
                test = self.within(item.variable, item.mask)
                formulas[id(item)] = z3.If(test, formulas[id(item.high)], formulas[id(item.low)])
        return formulas[id(predicate)]

    @cached_property
    def domain(self) -> z3.BoolRef:
        """No bits stand for a value that a variable does not have."""
        return z3.And(
            *[
                z3.Not(_equals(bits, number))
                for bits, values in zip(self._bits, self.values, strict=True)
                for number in range(len(values), 1 << len(bits))
            ]
        )

    @cached_property
    def initial(self) -> z3.BoolRef:
        """The state before anything was loaded, with any choice of the free variants."""
        return self.cube(tuple(enumerate(initial_masks(self.relation.layout))))

    @cached_property
    def transition(self) -> z3.BoolRef:
        """The next state's bits, each defined by the state's bits and the choice."""
        functions = self._functions()
        return z3.And(*[bit == function for bit, function in zip(self.next_bits, functions, strict=True)])

    @cached_property
    def moves(self) -> z3.BoolRef:
        """The choice is a step that leaves the system running."""
        return z3.Or(*[self.active[id(leaf)] for leaf in self.leaves if leaf.outcome in GOES_ON])

    def at(self, formula: z3.BoolRef, frame: int) -> z3.BoolRef:
        """A formula about the state and the choice before step number `frame`, and the state after it."""
        now = [(bit, z3.Bool(f"{bit}@{frame}")) for bit in (*self.state_bits, *self._choice)]
        then = [
            (bit, z3.Bool(f"{now_bit}@{frame + 1}"))
            for now_bit, bit in zip(self.state_bits, self.next_bits, strict=True)
        ]
        return z3.substitute(formula, *now, *then)

    def state(self, model: z3.ModelRef, frame: int) -> tuple[int, ...]:
        """The state before step number `frame`."""
        return tuple(values[_number(model, bits, frame)] for values, bits in zip(self.values, self._bits, strict=True))

    def steps(self, model: z3.ModelRef, frames: int) -> tuple[StepChoice, ...]:
        """The steps of an execution, without the idle ones."""
        steps = []
        for frame in range(frames):
            root = self._chosen(_number(model, self._choice, frame), self.state(model, frame))
            if root is not None:
                steps.append(root.step)
        return tuple(steps)

    @cache  # noqa: B019 - an encoding lives as long as its run
    def _chosen(self, number: int, state: tuple[int, ...]) -> Root | None:
        """The root that a choice means in a state, None if that is no step."""
        actions = len(self.relation.first)
        if number < actions:
            root = self.roots[number]
            section = state[self._sections[root.step.action.cpu]]
            possible = section == 0
        else:
            cpu = number - actions
            section = state[self._sections[cpu]] if cpu < len(self._sections) else 0
            possible = section > 0
            root = self.roots[actions + section - 1]
        return root if possible and leaf_for(root.diagram, list(state)).outcome not in NO_STEP else None

    def _membership(self, variable: int, mask: int, known: int) -> z3.BoolRef:
        if mask == known:
            return z3.BoolVal(True)
        if mask.bit_count() * 2 > known.bit_count():
            return z3.Not(self.within(variable, known & ~mask))
        values = self.values[variable]
        chosen = [number for number, position in enumerate(values) if mask >> position & 1]
        return z3.Or(*[_equals(self._bits[variable], number) for number in chosen])

    def _roots(self) -> tuple[Root, ...]:
        relation = self.relation
        count = len(relation.first) + (len(self._sections) if relation.granularity is Granularity.SECTION else 0)
        self._choice = _bits("choice", count)
        roots = [
            Root(
                StepChoice(action, True),
                diagram,
                z3.And(_equals(self._choice, number), self.within(self._sections[action.cpu], 1)),
            )
            for number, (action, diagram) in enumerate(relation.first)
        ]
        for number, (section, diagram) in enumerate(relation.continuations, 1):
            cpu = section.action.cpu
            goes_on = _equals(self._choice, len(relation.first) + cpu)
            here = self.within(self._sections[cpu], 1 << number)
            roots.append(Root(StepChoice(section, False), diagram, z3.And(goes_on, here)))
        return tuple(roots)

    def _activations(self) -> tuple[dict[int, z3.BoolRef], tuple[Leaf, ...]]:
        """For each node and leaf, whether the choice leads there; and the leaves."""
        arrivals: defaultdict[int, list[z3.BoolRef]] = defaultdict(list)
        for root in self.roots:
            arrivals[id(root.diagram)].append(root.selected)
        active: dict[int, z3.BoolRef] = {}
        found: list[Leaf] = []
        for item in _topological([root.diagram for root in self.roots]):
            here = active[id(item)] = _either(arrivals[id(item)])
            if isinstance(item, Leaf):
                found.append(item)
                continue
            test = self.within(item.variable, item.mask)
            arrivals[id(item.high)].append(z3.And(here, test))
            arrivals[id(item.low)].append(z3.And(here, z3.Not(test)))
        return active, tuple(found)

    def _functions(self) -> list[z3.BoolRef]:
        """The next value of each bit: what is written, else its old value."""
        functions = []
        writers = self._writers()
        for variable, bits in enumerate(self._bits):
            written = {position: _either(found) for position, found in writers[variable].items()}
            keeps = z3.Not(_either(list(written.values())))
            for place, bit in enumerate(bits):
                ones = [f for p, f in written.items() if self.values[variable].index(p) >> place & 1]
                functions.append(z3.Or(z3.And(bit, keeps), *ones))
        return functions

    def _writers(self) -> list[defaultdict[int, list[z3.BoolRef]]]:
        """For each variable and value: the conditions under which it is written."""
        groups: defaultdict[tuple[int, int | Copy], list[z3.BoolRef]] = defaultdict(list)
        for leaf in self.leaves:
            if leaf.outcome in GOES_ON:
                for variable, written in leaf.writes:
                    groups[variable, written].append(self.active[id(leaf)])
        writers: list[defaultdict[int, list[z3.BoolRef]]] = [defaultdict(list) for _ in self._bits]
        for (variable, written), activations in groups.items():
            condition = _either(activations)
            if isinstance(written, int):
                writers[variable][written].append(condition)
                continue
            for position in self.values[written.variable]:
                copied = z3.And(condition, self.within(written.variable, 1 << position))
                writers[variable][position].append(copied)
        return writers


def _positions(mask: int) -> tuple[int, ...]:
    return tuple(position for position in range(mask.bit_length()) if mask >> position & 1)


def _bits(name: str, count: int) -> list[z3.BoolRef]:
    """As many bits as it takes to number so many things."""
    return [z3.Bool(f"{name}.{place}") for place in range(max(count - 1, 0).bit_length())]


def _equals(bits: list[z3.BoolRef], number: int) -> z3.BoolRef:
    return z3.And(*[bit if number >> place & 1 else z3.Not(bit) for place, bit in enumerate(bits)])


def _either(conditions: list[z3.BoolRef]) -> z3.BoolRef:
    return conditions[0] if len(conditions) == 1 else z3.Or(*conditions)


def _number(model: z3.ModelRef, bits: Iterable[z3.BoolRef], frame: int) -> int:
    values = (model.eval(z3.Bool(f"{bit}@{frame}"), model_completion=True) for bit in bits)
    return sum(1 << place for place, value in enumerate(values) if z3.is_true(value))


def _topological(roots: Iterable[Diagram]) -> list[Diagram]:
    """Every node and leaf, each before those it leads to."""
    seen: set[int] = set()
    finished: list[Diagram] = []
    for root in roots:
        stack = [(root, False)]
        while stack:
            item, is_done = stack.pop()
            if is_done:
                finished.append(item)
            elif id(item) not in seen:
                seen.add(id(item))
                stack.append((item, True))
                if isinstance(item, Node):
                    stack += ((item.low, False), (item.high, False))
    return finished[::-1]
