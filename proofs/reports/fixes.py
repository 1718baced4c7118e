"""Proposed fixes: what each repairs and breaks, and the smallest sets that repair all that can be repaired."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Final

from model.exploration import Granularity
from model.variants.fixes import FIXES
from model.variants.language import Fix
from proofs.engines.choices import ALL, NONE, ChoiceSet
from proofs.findings import expectations
from proofs.reports.formulas import Formula, Formulas
from proofs.reports.larger import LARGER, Remaining, remaining
from proofs.reports.settings import SETTINGS, Dependence, Setting, dependence
from proofs.reports.violations import shortest_violation
from proofs.traces.trace import Trace

FREE: Final = tuple(fix.name for fix in FIXES)
SEARCHED: Final = (
    *SETTINGS,
    Setting("1x2-signalled", Granularity.HANDLER),
    Setting("1x2-managed-exit", Granularity.HANDLER),
    Setting("1x3", Granularity.HANDLER, excluded=("sp_aborts",)),
)
"""Those that tell the fixes of preempted call chains, managed exits, and long call chains apart, too."""


@dataclass(frozen=True, slots=True)
class Searched:
    """Under which fixes each property is violated, and how those are that a fix by itself breaks."""

    dependences: tuple[Dependence, ...]
    violations: dict[str, Trace]
    """By the names of the traces."""
    remaining: tuple[Remaining, ...]
    """What is left on larger topologies with the recommended fixes and those besides."""


def search(jobs: int) -> Searched:
    """Search every combination of fixes, in at most `jobs` processes at a time."""
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        dependences = tuple(pool.map(partial(dependence, free=FREE), SEARCHED))
        broken = Formulas(FREE, dependences).violations("fix")
        traces = pool.map(shortest_violation, broken)
        assessment = assess(dependences)
        left = pool.map(partial(remaining, fixes=assessment.recommended | assessment.besides), LARGER)
        return Searched(dependences, dict(zip((one.name for one in broken), traces, strict=True)), tuple(left))


@dataclass(frozen=True, slots=True)
class Effect:
    """What a fix does: by itself, and within the recommended set.

    `needed_for` are the properties that are violated when it alone is left out of that set (none, if it is not in it);
    `harms` are those that are violated when it is added to the set.
    """

    fix: Fix
    recommended: bool
    repairs: tuple[Formula, ...]
    breaks: tuple[Formula, ...]
    needed_for: tuple[Formula, ...]
    harms: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """All fixes together: the smallest sets under which everything holds that some fixes can make hold.

    `conflicting` are the properties that each can hold, but not together with those before them in the catalogue.
    `besides` are harmless fixes for findings that no recommended one is for: they show on larger topologies only.
    """

    formulas: Formulas
    repairable: tuple[Formula, ...]
    conflicting: tuple[Formula, ...]
    unrepairable: tuple[Formula, ...]
    smallest: tuple[frozenset[str], ...]
    recommended: frozenset[str]
    effects: tuple[Effect, ...]

    @property
    def besides(self) -> frozenset[str]:
        """The fixes that larger topologies need."""
        covered = {finding for effect in self.effects if effect.recommended for finding in effect.fix.findings}
        chosen = set()
        for effect in self.effects:
            if not effect.recommended and not effect.harms and not covered.issuperset(effect.fix.findings):
                chosen.add(effect.fix.name)
                covered.update(effect.fix.findings)
        return frozenset(chosen)


def assess(dependences: Iterable[Dependence]) -> Assessment:
    """What the fixes achieve."""
    formulas = Formulas(FREE, tuple(dependences))
    repairable = formulas.undecided()
    unrepairable = tuple(one for one in formulas.formulas if one.holds == NONE)
    wanted: ChoiceSet = ALL
    conflicting = []
    for one in repairable:
        together = formulas.sets.both(wanted, one.holds)
        if together == NONE:
            conflicting.append(one)
        else:
            wanted = together
    smallest = formulas.sets.smallest(wanted)
    recommended = smallest[0]
    effects = tuple(_effect(fix, formulas, recommended) for fix in FIXES)
    return Assessment(formulas, repairable, tuple(conflicting), unrepairable, smallest, recommended, effects)


def _effect(fix: Fix, formulas: Formulas, recommended: frozenset[str]) -> Effect:
    inside = fix.name in recommended
    other = recommended - {fix.name} if inside else recommended | {fix.name}
    changed = tuple(
        one for one in formulas.formulas if formulas.holds(one, *recommended) and not formulas.holds(one, *other)
    )
    return Effect(
        fix,
        inside,
        formulas.repaired(fix.name),
        formulas.broken(fix.name),
        changed if inside else (),
        () if inside else changed,
    )


@dataclass(frozen=True, slots=True)
class Completeness:
    """What a fix achieves of what its findings violate: by itself, or with the recommended fixes for other findings.

    It misses a property that another fix for one of its findings, or the recommended ones together, make hold there.
    `breaks` are the properties, of whatever findings, that hold there without it only.
    """

    makes: tuple[Formula, ...]
    misses: tuple[Formula, ...]
    breaks: tuple[Formula, ...]


def completeness(fix: Fix, assessment: Assessment) -> Completeness:
    """Whether a fix does all that fixes for its findings can do."""
    formulas = assessment.formulas
    concerned = {known.property for known in expectations().values() if known.finding in fix.findings}
    rivals = {other.name for other in FIXES if set(other.findings) & set(fix.findings)}
    instead = [rivals & assessment.recommended, *({rival} for rival in rivals)]
    makes, misses, breaks = set[str](), set[str](), set[str]()
    for one in formulas.formulas:
        for base in (frozenset[str](), assessment.recommended - rivals):
            before, after = formulas.holds(one, *base), formulas.holds(one, *base, fix.name)
            if before and not after:
                breaks.add(one.id)
            if one.id in concerned and not before:
                if after:
                    makes.add(one.id)
                elif any(formulas.holds(one, *base, *names) for names in instead):
                    misses.add(one.id)
    return Completeness(*(tuple(one for one in formulas.formulas if one.id in ids) for ids in (makes, misses, breaks)))
