"""An invariant from abstract interpretation: which values of two variables can occur together.

The diagrams of a relation are walked with a set of possible values for each variable instead of a state. At each
node the set is split and made arc-consistent with the pairs known so far; at each leaf the pairs that the writes
produce are added; until nothing is added any more. No solver is involved. The result is the same whatever the order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from model.diagram import Copy, Diagram, Leaf, Node, Write
from model.exploration import Relation
from proofs.engines.encoding import GOES_ON
from proofs.engines.outcome import Cube


class PairwiseInvariant:
    """The pairs of values that can occur together in a reachable state, by over-approximation.

    A literal is a variable with a value, numbered; sets of literals are bit masks.
    """

    def __init__(self, relation: Relation):
        self._relation = relation
        self._literals = [
            (variable, position)
            for variable, mask in enumerate(relation.known)
            for position in range(mask.bit_length())
            if mask >> position & 1
        ]
        self._number = {literal: number for number, literal in enumerate(self._literals)}
        self._of_variable = [self._set(variable, mask) for variable, mask in enumerate(relation.known)]
        start = self._set_of_state(relation.layout.initial())
        self._possible = start
        self._compatible = [start if start >> number & 1 else 0 for number in range(len(self._literals))]
        self._masks: dict[tuple[int, int], int] = {}
        self._sections = [relation.layout.by_name[key, "section"].index for key in relation.layout.cpu_keys]
        while self._pass():
            pass

    def allows(self, state: Iterable[int]) -> bool:
        """Whether the invariant holds in a state."""
        literals = self._set_of_state(state)
        return all(literals & ~self._compatible[number] == 0 for number in _members(literals))

    def cubes(self) -> tuple[Cube, ...]:
        """The invariant as the sets of states that are never entered."""
        layout = self._relation.layout
        live = [self._values(variable, self._possible) for variable in range(len(layout.variables))]
        never = tuple(
            ((variable, known & ~mask),)
            for variable, (known, mask) in enumerate(zip(self._relation.known, live, strict=True))
            if known != mask
        )
        # Of each two variables the one with fewer values comes first: fewer cubes.
        order = sorted(range(len(live)), key=lambda variable: live[variable].bit_count())
        pairs = (
            cube
            for place, first in enumerate(order)
            if live[first].bit_count() > 1
            for second in order[place + 1 :]
            for cube in self._pair_cubes(first, second, live)
        )
        return (*never, *pairs)

    def _pair_cubes(self, first: int, second: int, live: list[int]) -> Iterator[Cube]:
        excluded: defaultdict[int, int] = defaultdict(int)
        for number in _members(self._set(first, live[first])):
            mask = live[second] & ~self._values(second, self._compatible[number])
            excluded[mask] |= 1 << self._literals[number][1]
        for mask, values in excluded.items():
            if mask:
                yield (first, values), (second, mask)

    def _values(self, variable: int, literals: int) -> int:
        """The values of a variable in a set of literals."""
        members = _members(literals & self._of_variable[variable])
        return sum(1 << self._literals[number][1] for number in members)

    def _set(self, variable: int, mask: int) -> int:
        """The literals of some values of a variable."""
        known = mask & self._relation.known[variable]
        return sum(1 << self._number[variable, position] for position in _members(known))

    def _set_of_state(self, state: Iterable[int]) -> int:
        return sum(1 << self._number[literal] for literal in enumerate(state))

    def _pass(self) -> bool:
        """Walk every diagram once: whether any pair was added."""
        self._grew = False
        everything = range(len(self._relation.known))
        possible = self._consistent(self._possible, set(everything))
        for action, diagram in self._relation.first:
            self._walk(diagram, self._restrict(possible, self._sections[action.cpu], 1))
        for number, (section, diagram) in enumerate(self._relation.continuations, 1):
            self._walk(diagram, self._restrict(possible, self._sections[section.action.cpu], 1 << number))
        return self._grew

    def _walk(self, diagram: Diagram, possible: int) -> None:
        while possible and isinstance(diagram, Node):
            high = self._restrict(possible, diagram.variable, diagram.mask)
            low = self._restrict(possible, diagram.variable, ~diagram.mask)
            if high and low:
                self._walk(diagram.high, high)
            diagram, possible = (diagram.low, low) if low else (diagram.high, high)
        if possible and isinstance(diagram, Leaf) and diagram.outcome in GOES_ON:
            self._write(possible, diagram.writes)

    def _restrict(self, possible: int, variable: int, mask: int) -> int:
        """The literals that remain when a variable has a value of the mask; 0 if that cannot be."""
        key = (variable, mask)
        literals = self._masks.get(key)
        if literals is None:
            literals = self._masks[key] = ~self._of_variable[variable] | self._set(variable, mask)
        remaining = possible & literals
        if remaining == possible:
            return possible
        if not remaining & self._of_variable[variable]:
            return 0
        return self._consistent(remaining, {variable})

    def _consistent(self, possible: int, changed: set[int]) -> int:
        """Drop the literals that go with no value of some variable; 0 if a variable is left without values."""
        of_variable, compatible, literals = self._of_variable, self._compatible, self._literals
        while changed:
            rest = possible & of_variable[changed.pop()]
            support = 0
            while rest:
                lowest = rest & -rest
                support |= compatible[lowest.bit_length() - 1]
                rest ^= lowest
            gone = possible & ~support
            possible &= support
            while gone:
                variable = literals[(gone & -gone).bit_length() - 1][0]
                if not possible & of_variable[variable]:
                    return 0
                changed.add(variable)
                gone &= ~of_variable[variable]
        return possible

    def _write(self, possible: int, writes: tuple[Write, ...]) -> None:
        """Add the pairs that a step's writes produce; a copied value is taken apart into its values."""
        for place, (variable, written) in enumerate(writes):
            if isinstance(written, Copy):
                for position in _members(self._values(written.variable, possible)):
                    one = self._restrict(possible, written.variable, 1 << position)
                    if one:
                        self._write(one, (*writes[:place], (variable, position), *writes[place + 1 :]))
                return
        constants = [self._number[variable, written] for variable, written in writes if isinstance(written, int)]
        fresh = sum(1 << number for number in constants)
        after = possible
        for variable, _ in writes:
            after &= ~self._of_variable[variable]
        after |= fresh
        for number in constants:
            for other in _members(after & ~self._compatible[number]):
                variable, position = self._literals[other]
                if fresh >> other & 1 or self._restrict(possible, variable, 1 << position):
                    self._add(number, other)

    def _add(self, number: int, other: int) -> None:
        self._grew = True
        self._compatible[number] |= 1 << other
        self._compatible[other] |= 1 << number
        self._possible |= 1 << number


def _members(mask: int) -> Iterator[int]:
    """The numbers in a bit mask, smallest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
