"""Ambiguities of the specification: which readings can be told apart, and which properties depend on them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations
from multiprocessing import get_context
from typing import Final

from model.environment import DEFAULT
from model.exploration import build_relation
from model.topology import BUILT_IN
from model.variants import DEFAULT_VARIANTS, Variants
from model.variants.language import Reading
from model.variants.readings import READINGS
from proofs.engines.choices import ChoiceSet, ChoiceSets, Term
from proofs.engines.parametric import ParametricSearch
from proofs.reports.comparison import Separation, compare
from properties.catalogue import CATALOGUE
from properties.language import Kind, Property

TOPOLOGIES: Final = ("2x1-up", "1x2", "2x1-mp-silent", "hypervisor-2x1", "2x1-mp")
"""Where readings are compared, the smallest first: all of them are searched completely."""
LARGER: Final = ("2x2-mp", "2x2")
"""Where they are compared if they cannot be told apart on the others: the first so many pairs."""
PAIRS: Final = 1_000_000
PAIRS_OF_LARGER: Final = 150_000
STATES: Final = 1_500_000

OF_THE_MODEL: Final = tuple(reading for reading in READINGS if reading.places)
FREE: Final = tuple(reading.name for reading in OF_THE_MODEL if not reading.assumes)
"""The readings on which properties can depend under the default assumptions."""


@dataclass(frozen=True, slots=True)
class Search:
    """How one topology was searched for an execution that tells the readings of a question apart."""

    topology: str
    pairs: int
    complete: bool
    depth: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the readings of a question can be told apart: by the shortest execution, or not where it was searched."""

    reading: Reading
    separation: Separation | None
    searches: tuple[Search, ...]


@dataclass(frozen=True, slots=True)
class Dependence:
    """On one topology: for each property, the readings under which it is violated, as a union of terms."""

    topology: str
    states: int
    complete: bool
    violated: dict[str, tuple[Term, ...]]


@dataclass(frozen=True, slots=True)
class Ambiguities:
    """All questions, and what each property depends on."""

    answers: tuple[Answer, ...]
    dependences: tuple[Dependence, ...]


def investigate(jobs: int) -> Ambiguities:
    """Answer every question, in at most `jobs` processes at a time."""
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        dependences = pool.map(dependence, reversed(TOPOLOGIES))
        answers = tuple(pool.map(answer, OF_THE_MODEL))
        return Ambiguities(answers, tuple(dependences))


def answer(reading: Reading) -> Answer:
    """The shortest execution that tells the readings of a question apart, all other questions read as the C does."""
    assume = replace(DEFAULT, **dict.fromkeys(reading.assumes, True))
    other = Variants.of({reading.name: reading.other})
    searches: list[Search] = []
    shortest: Separation | None = None
    for name in (*TOPOLOGIES, *LARGER):
        if shortest and name in LARGER:
            break
        most = PAIRS_OF_LARGER if name in LARGER else PAIRS
        max_depth = shortest.length - 1 if shortest else None
        found = compare(BUILT_IN[name], assume, DEFAULT_VARIANTS, other, most, True, max_depth)
        searches.append(Search(name, found.pairs.count, found.pairs.complete, found.pairs.depth))
        shortest = found.separations[0] if found.separations else shortest
    return Answer(reading, shortest, tuple(searches))


def dependence(name: str) -> Dependence:
    """Under which readings each property is violated on a topology, all of them free."""
    relation = build_relation(BUILT_IN[name], DEFAULT, variants=Variants.of({}, FREE))
    spaces = ParametricSearch(relation, compared(name), STATES).run()
    violated = {item: spaces.sets.terms(choices) for item, choices in spaces.violated.items()}
    return Dependence(name, len(spaces.reached), spaces.complete, violated)


def compared(name: str) -> list[Property]:
    """The properties that are looked at on a topology: of states and steps, under the default assumptions."""
    topology = BUILT_IN[name]
    return [
        item
        for item in CATALOGUE.values()
        if item.applies_to(topology) and not item.assuming and item.kind in (Kind.ALWAYS, Kind.STEP)
    ]


@dataclass(frozen=True, slots=True)
class Formula:
    """The exact set of readings under which a property holds on all topologies that it was decided on."""

    property: Property
    topologies: tuple[str, ...]
    holds: ChoiceSet
    """In the sets of a `Formulas`."""


class Formulas:
    """What each property depends on, over all topologies."""

    def __init__(self, dependences: Sequence[Dependence]):
        self.sets = ChoiceSets(FREE)
        decided = [one for one in dependences if one.complete]
        applying = {one.topology: {item.id for item in compared(one.topology)} for one in decided}
        self.formulas = tuple(
            Formula(
                item,
                tuple(one.topology for one in decided if item.id in applying[one.topology]),
                -self.sets.union(term for one in decided for term in one.violated.get(item.id, ())),
            )
            for item in CATALOGUE.values()
            if any(item.id in names for names in applying.values())
        )

    def holds(self, formula: Formula, *others: str) -> bool:
        """Whether a property holds when these questions are read otherwise than the C does."""
        return self.sets.contains(formula.holds, others)

    def undecided(self) -> tuple[Formula, ...]:
        """The properties that hold under some readings only."""
        return tuple(formula for formula in self.formulas if self.sets.variants_of(formula.holds))

    def repaired(self, *others: str) -> tuple[Formula, ...]:
        """The properties that do not hold of the C, but do when these questions are read otherwise."""
        return tuple(one for one in self.formulas if not self.holds(one) and self.holds(one, *others))

    def broken(self, *others: str) -> tuple[Formula, ...]:
        """The properties that hold of the C, but not when these questions are read otherwise."""
        return tuple(one for one in self.formulas if self.holds(one) and not self.holds(one, *others))

    def interacting(self) -> tuple[tuple[str, str, tuple[Formula, ...], tuple[Formula, ...]], ...]:
        """Pairs of questions that together repair, or break, what neither does alone."""
        alone = {name: {*self.repaired(name), *self.broken(name)} for name in FREE}
        found = []
        for first, second in combinations(FREE, 2):
            known = alone[first] | alone[second]
            repaired = tuple(one for one in self.repaired(first, second) if one not in known)
            broken = tuple(one for one in self.broken(first, second) if one not in known)
            if repaired or broken:
                found.append((first, second, repaired, broken))
        return tuple(found)
