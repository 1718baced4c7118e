"""The patch under review: what Hafnium did before it and does after it, on the same stimuli.

P49 (the VM state says all that the flag said) and P50 (same stimuli, same replies and scheduling) are about pairs
of executions, so they are decided here and not in the catalogue of properties.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

from model.exploration import Granularity, Relation, build_relation
from model.topology import BUILT_IN
from model.values import VmState
from model.variants import BEFORE, DEFAULT_VARIANTS, Variants
from model.variants.hunks import SWITCHED
from proofs.engines.choices import NONE, ChoiceSet
from proofs.engines.parametric import ParametricSearch, Spaces
from proofs.engines.successors import State
from proofs.reports.comparison import Separation, compare, reverting
from proofs.reports.kinds_of_change import key_of
from proofs.reports.settings import Setting
from proofs.reports.wording import Contrast, contrast

PAIRS: Final = 1_000_000
STATES: Final = 1_000_000

REVIEWED: Final = (
    Setting("2x1-mp", Granularity.HANDLER),
    Setting("1x2-el0", Granularity.HANDLER),
    Setting("1x2"),
    Setting("hypervisor-2x1", Granularity.HANDLER),
    Setting("2x1-mp-silent"),
    Setting("2x1-up"),
)
"""The topologies that are reviewed, and at which granularity their properties are compared."""

NEW_SUBJECT: Final = frozenset({"P07", "P08", "P10", "P12", "P13", "P14", "P15", "P16", "P17", "P43"})
"""Properties about VM states that did not exist before the patch (NULL, CREATED, RUNNING), refinements included."""

LOADING: Final = ("H15", "H16")
"""Without these hunks VMs stay NULL, and hardly anything is granted: they are named only if no other hunk is."""

Hunks = tuple[tuple[str, ...], ...]
"""The smallest sets of hunks that, taken back, restore something."""


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """A property or check whose verdict the patch changed on a topology."""

    id: str
    title: str
    topology: str
    held_before: bool
    holds_after: bool
    hunks: Hunks
    length: int
    """The steps of a shortest violation, in the revision that has one."""

    @property
    def became_false(self) -> bool:
        """Whether it held before the patch, and does not after it."""
        return self.held_before


@dataclass(frozen=True, slots=True)
class BehaviourChange:
    """What the same stimuli show before and after the patch, by the shortest execution that tells them apart."""

    key: str
    contrast: Contrast
    topologies: tuple[str, ...]
    separation: Separation
    hunks: Hunks


@dataclass(frozen=True, slots=True)
class TopologyReview:
    """What was found on one topology."""

    topology: str
    pairs: int
    all_pairs: bool
    depth: int
    flag_is_state: bool
    behaviour: tuple[BehaviourChange, ...]
    granularity: str
    states: int
    exact: bool
    changes: tuple[PropertyChange, ...]
    stayed_true: tuple[str, ...]
    stayed_false: tuple[str, ...]


def review(jobs: int) -> tuple[TopologyReview, ...]:
    """Review every topology, in at most `jobs` processes at a time."""
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        return tuple(pool.map(review_topology, REVIEWED))


def review_topology(setting: Setting) -> TopologyReview:
    """Review one topology."""
    name = setting.topology
    found = compare(BUILT_IN[name], setting.assume, BEFORE, DEFAULT_VARIANTS, PAIRS, aligned=_flag_is_state)
    behaviour = tuple(
        BehaviourChange(key_of(item), contrast(item), (name,), item, _sorted(reverting(found, item)))
        for item in found.separations
    )
    spaces = _spaces(setting)
    changes = (*_changed_properties(setting, spaces), *_changed_checks(name, spaces))
    before, after = (_violated(spaces, others) for others in (SWITCHED, ()))
    return TopologyReview(
        topology=name,
        pairs=found.pairs.count,
        all_pairs=found.pairs.complete,
        depth=found.pairs.depth,
        flag_is_state=found.pairs.misaligned is None,
        behaviour=behaviour,
        granularity=setting.granularity.value,
        states=len(spaces.reached),
        exact=spaces.complete,
        changes=changes,
        stayed_true=tuple(item.id for item in setting.properties() if item.id not in before | after),
        stayed_false=tuple(sorted(before & after)),
    )


def _spaces(setting: Setting) -> Spaces:
    """Everything reachable before, after, and with each hunk taken back by itself."""
    topology, variants = BUILT_IN[setting.topology], Variants.of({}, SWITCHED)
    relation = build_relation(topology, setting.assume, setting.granularity, variants=variants)
    choices = [SWITCHED, (), *((hunk,) for hunk in SWITCHED)]
    return ParametricSearch(relation, setting.properties(), STATES, choices).run()


def _violated(spaces: Spaces, others: Collection[str]) -> set[str]:
    return {name for name, choices in spaces.violated.items() if spaces.sets.contains(choices, others)}


def _changed_properties(setting: Setting, spaces: Spaces) -> Iterator[PropertyChange]:
    for item in setting.properties():
        violated = spaces.violated.get(item.id, NONE)
        yield from _change(setting.topology, item.id, item.title, spaces, violated)


def _changed_checks(name: str, spaces: Spaces) -> Iterator[PropertyChange]:
    for (outcome, where), failing in sorted(spaces.failures.items(), key=str):
        yield from _change(name, f"{outcome.value} {where}", "This check never fails", spaces, failing)


def _change(name: str, key: str, title: str, spaces: Spaces, violated: ChoiceSet) -> Iterator[PropertyChange]:
    """What the patch changed of a property or check, if anything."""
    contains = spaces.sets.contains
    held, holds = not contains(violated, SWITCHED), not contains(violated, ())
    if held != holds:
        restoring = [hunk for hunk in SWITCHED if contains(violated, (hunk,)) == holds]
        telling = [hunk for hunk in restoring if hunk not in LOADING] or restoring
        hunks = tuple((hunk,) for hunk in telling)
        yield PropertyChange(key, title, name, held, holds, hunks, _length(spaces, key, () if held else SWITCHED))


def _length(spaces: Spaces, key: str, others: Collection[str]) -> int:
    """The steps of a shortest violation of a property; 0 for a check."""
    return next((n for n, found in spaces.lengths.get(key, ()) if spaces.sets.contains(found, others)), 0)


def _sorted(sets: tuple[frozenset[str], ...]) -> Hunks:
    return tuple(tuple(sorted(names)) for names in sets)


def _flag_is_state(relation: Relation) -> Callable[[State, State], bool]:
    """Whether the flag of the left state says what the VM states of the right one say."""
    layout = relation.layout
    aborting = list(VmState).index(VmState.ABORTING)
    variables = [
        (variable.index, layout.by_name[variable.owner, "state"].index)
        for variable in layout.variables
        if variable.field == "aborting"
    ]
    return lambda left, right: all(bool(left[flag]) == (right[state] == aborting) for flag, state in variables)
