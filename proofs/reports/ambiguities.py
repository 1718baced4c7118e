"""Ambiguities of the specification: which readings can be told apart, and which properties depend on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from multiprocessing import get_context
from typing import Final

from model.environment import DEFAULT
from model.topology import BUILT_IN
from model.variants import DEFAULT_VARIANTS, Variants
from model.variants.language import Reading
from model.variants.readings import READINGS
from proofs.reports.comparison import Separation, compare
from proofs.reports.formulas import Formula, Formulas
from proofs.reports.settings import SETTINGS, Dependence, dependence
from proofs.reports.violations import shortest_violation
from proofs.traces.trace import Trace

TOPOLOGIES: Final = ("2x1-up", "1x2", "2x1-mp-silent", "hypervisor-2x1", "2x1-mp")
"""Where readings are compared, the smallest first: all of them are searched completely."""
LARGER: Final = ("2x2-mp", "2x2")
"""Where they are compared if they cannot be told apart on the others: the first so many pairs."""
PAIRS: Final = 1_000_000
PAIRS_OF_LARGER: Final = 60_000

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
class Ambiguities:
    """All questions, and what each property depends on."""

    answers: tuple[Answer, ...]
    dependences: tuple[Dependence, ...]
    violations: dict[str, Trace]
    """The properties that a reading breaks, by the names of the traces that show it."""


def investigate(jobs: int, questions: Sequence[Reading]) -> Ambiguities:
    """Answer questions, in at most `jobs` processes at a time, and find what each property depends on."""
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        dependences = tuple(pool.map(partial(dependence, free=FREE), SETTINGS))
        answers = pool.map(answer, questions)
        asked = {question.name for question in questions}
        violations = Formulas(FREE, dependences).violations("question")
        broken = [one for one in violations if any(name in asked for name, _ in one.variants.deviations)]
        traces = pool.map(shortest_violation, broken)
        return Ambiguities(tuple(answers), dependences, dict(zip((one.name for one in broken), traces, strict=True)))


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


def interacting(formulas: Formulas) -> Iterator[tuple[str, str, tuple[Formula, ...], tuple[Formula, ...]]]:
    """Pairs of questions that together repair, or break, what neither does alone."""
    alone = {name: {*formulas.repaired(name), *formulas.broken(name)} for name in FREE}
    for first, second in combinations(FREE, 2):
        known = alone[first] | alone[second]
        repaired = tuple(one for one in formulas.repaired(first, second) if one not in known)
        broken = tuple(one for one in formulas.broken(first, second) if one not in known)
        if repaired or broken:
            yield first, second, repaired, broken
