"""Sets of choices: which alternatives of the free variants are taken, as binary decision diagrams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dd.bdd import BDD

ChoiceSet = int
"""A set of choices: a node of its store.  Two sets are equal iff their nodes are."""

NONE: ChoiceSet = -1
ALL: ChoiceSet = 1


@dataclass(frozen=True, slots=True, order=True)
class Literal:
    """A free variant takes its default, or the other alternative."""

    variant: str
    other: bool


Term = frozenset[Literal]
"""Literals that hold together."""


class ChoiceSets:
    """The sets of choices of some free variants."""

    def __init__(self, variants: Iterable[str]):
        self.variants = tuple(sorted(variants))
        self._store: Any = BDD({name: level for level, name in enumerate(self.variants)})  # type: ignore[abstract]
        self._both: dict[tuple[ChoiceSet, ChoiceSet], ChoiceSet] = {}

    def literal(self, literal: Literal) -> ChoiceSet:
        """The choices with this alternative of a variant."""
        other: ChoiceSet = self._store.var(literal.variant)
        return other if literal.other else -other

    def of(self, choices: Iterable[Iterable[str]]) -> ChoiceSet:
        """These choices, each given by the variants that take the other alternative."""
        result = NONE
        for others in choices:
            taken = set(others)
            term = frozenset(Literal(name, name in taken) for name in self.variants)
            result = self.either(result, self.union([term]))
        return result

    def union(self, terms: Iterable[Term]) -> ChoiceSet:
        """The choices that satisfy at least one of the terms."""
        result = NONE
        for term in terms:
            choices = ALL
            for literal in term:
                choices = self.both(choices, self.literal(literal))
            result = self.either(result, choices)
        return result

    def both(self, first: ChoiceSet, second: ChoiceSet) -> ChoiceSet:
        """The choices in both sets."""
        found = self._both.get((first, second))
        if found is None:
            found = self._both[first, second] = self._store.apply("and", first, second)
        return found

    def either(self, first: ChoiceSet, second: ChoiceSet) -> ChoiceSet:
        """The choices in at least one of the sets."""
        return -self.both(-first, -second)

    def without(self, first: ChoiceSet, second: ChoiceSet) -> ChoiceSet:
        """The choices in the first set, but not in the second."""
        return self.both(first, -second)

    def contains(self, choices: ChoiceSet, others: Iterable[str] = ()) -> bool:
        """Whether a set has the choice that takes the other alternative of `others`, and else the defaults."""
        taken = set(others)
        while abs(choices) != ALL:
            level, default, other = self._cofactors(choices)
            choices = other if self.variants[level] in taken else default
        return choices == ALL

    def variants_of(self, choices: ChoiceSet) -> tuple[str, ...]:
        """The variants on which membership of a set depends."""
        return tuple(sorted(self._store.support(choices)))

    def terms(self, choices: ChoiceSet) -> tuple[Term, ...]:
        """The set as a union of terms, none of which can be left out (the algorithm of Minato and Morreale)."""
        terms, _ = self._irredundant(choices, choices)
        return tuple(sorted(terms, key=lambda term: (len(term), sorted(term))))

    def smallest(self, choices: ChoiceSet, start: Iterable[str] = ()) -> tuple[frozenset[str], ...]:
        """The smallest sets of variants to change, so that a choice comes to be in the set.

        `start` are the variants that take the other alternative in that choice.
        """
        taken = {self.variants.index(name) for name in start}
        costs: dict[ChoiceSet, int | None] = {NONE: None, ALL: 0}
        if self._cost(choices, taken, costs) is None:
            return ()
        return tuple(sorted(self._cheapest(choices, taken, costs), key=sorted))

    def _cost(self, choices: ChoiceSet, taken: set[int], costs: dict[ChoiceSet, int | None]) -> int | None:
        """How many variants have to be changed at least; None: the set is empty."""
        if choices not in costs:
            _, kept, changed = self._kept_and_changed(choices, taken)
            low, high = self._cost(kept, taken, costs), self._cost(changed, taken, costs)
            costs[choices] = min(cost for cost in (low, None if high is None else high + 1) if cost is not None)
        return costs[choices]

    def _cheapest(
        self, choices: ChoiceSet, taken: set[int], costs: dict[ChoiceSet, int | None]
    ) -> Iterator[frozenset[str]]:
        if choices == ALL:
            yield frozenset()
            return
        level, kept, changed = self._kept_and_changed(choices, taken)
        cost, low, high = costs[choices], costs[kept], costs[changed]
        if low == cost:
            yield from self._cheapest(kept, taken, costs)
        if high is not None and high + 1 == cost:
            yield from (names | {self.variants[level]} for names in self._cheapest(changed, taken, costs))

    def _kept_and_changed(self, choices: ChoiceSet, taken: set[int]) -> tuple[int, ChoiceSet, ChoiceSet]:
        """The first variant that matters, and the rest of the set if it is kept, and if it is changed."""
        level, default, other = self._cofactors(choices)
        return (level, other, default) if level in taken else (level, default, other)

    def _cofactors(self, choices: ChoiceSet) -> tuple[int, ChoiceSet, ChoiceSet]:
        """The first variant that matters, and the rest of the set for its default and its other alternative."""
        level, default, other = self._store.succ(choices)
        return (level, -default, -other) if choices < 0 else (level, default, other)

    def _split(self, choices: ChoiceSet, level: int) -> tuple[ChoiceSet, ChoiceSet]:
        if abs(choices) != ALL and self._store.succ(choices)[0] == level:
            _, default, other = self._cofactors(choices)
            return default, other
        return choices, choices

    def _irredundant(self, least: ChoiceSet, most: ChoiceSet) -> tuple[list[Term], ChoiceSet]:
        """Terms whose union lies between two sets, and that union."""
        if least == NONE:
            return [], NONE
        if most == ALL:
            return [frozenset()], ALL
        level = min(self._store.succ(item)[0] for item in (least, most) if abs(item) != ALL)
        least_default, least_other = self._split(least, level)
        most_default, most_other = self._split(most, level)
        defaults, of_defaults = self._irredundant(self.without(least_default, most_other), most_default)
        others, of_others = self._irredundant(self.without(least_other, most_default), most_other)
        rest = self.either(self.without(least_default, of_defaults), self.without(least_other, of_others))
        either, of_either = self._irredundant(rest, self.both(most_default, most_other))
        name = self.variants[level]
        default, other = Literal(name, False), Literal(name, True)
        terms = [*(term | {default} for term in defaults), *(term | {other} for term in others), *either]
        union = self.either(
            of_either,
            self.either(self.both(self.literal(default), of_defaults), self.both(self.literal(other), of_others)),
        )
        return terms, union
