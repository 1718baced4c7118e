"""Search for all choices at once, against explicit search and bounded model checking of single choices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Final

import pytest

from model.environment import DEFAULT
from model.exploration import Granularity, Relation, build_relation
from model.machine import Outcome
from model.topology import BUILT_IN
from model.values import VmState
from model.variables import Layout, vm_key
from model.variants import BEFORE, VARIANT_BY_NAME, Variants
from model.variants.hunks import SWITCHED
from proofs.engines.bmc import BoundedModelChecker
from proofs.engines.choices import ALL, NONE, ChoiceSet
from proofs.engines.encoding import Encoding
from proofs.engines.explicit import ExplicitSearch
from proofs.engines.goals import Goals
from proofs.engines.outcome import Found
from proofs.engines.parametric import ParametricSearch, Spaces
from proofs.engines.successors import State, Successors
from properties.catalogue import CATALOGUE
from properties.language import Kind, Property
from tests.planted import with_an_abort_lifted_by

Choice = tuple[str, ...]
"""The variants that take the other alternative."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is searched: a topology, its free variants, and some properties."""

    topology: str
    granularity: Granularity
    free: Choice
    properties: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.topology}-{self.granularity.value}"

    def items(self) -> list[Property]:
        """The properties that are looked at."""
        return [CATALOGUE[name] for name in self.properties]

    def choices(self) -> list[Choice]:
        """Every choice of the free variants."""
        return [chosen for size in range(len(self.free) + 1) for chosen in combinations(self.free, size)]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is to be the same, however a choice was searched."""

    violated: dict[str, int]
    """The length of a shortest violation of each property that is violated."""
    never: set[str]
    """The SOMETIMES properties that are not witnessed."""
    failures: set[tuple[Outcome, str]]
    states: set[tuple[int, ...]]


HANDLER: Final = Setting(
    "2x1-up",
    Granularity.HANDLER,
    ("H09", "H13", "aborted-or-stopped", "up-replug", "yield-interrupt"),
    (
        *("P01", "P10", "P10.r1", "P12", "P13", "P14", "P15", "P26", "P43", "P45a", "X14"),
        *("P48.vcpu.RUNNING-ABORTED", "P48.vcpu.RUNNING-BLOCKED", "P48.vcpu.STOPPED-OFF", "P48.vm.CREATED-RUNNING"),
    ),
)
SECTION: Final = Setting(
    "2x1-up",
    Granularity.SECTION,
    ("H09", "H13", "aborted-or-stopped", "up-replug"),
    ("P01", "P10", "P13", "P26", "P48.vcpu.RUNNING-ABORTED"),
)
TWO_SPS: Final = Setting(
    "1x2", Granularity.HANDLER, ("H06", "H12", "boot-chain", "sp-caller"), ("P01", "P06", "P12", "P20")
)
SAMPLE: Final = (
    *((HANDLER, chosen) for chosen in ((), ("aborted-or-stopped", "up-replug"), HANDLER.free)),
    *((SECTION, chosen) for chosen in (("H09",), SECTION.free)),
    *((TWO_SPS, chosen) for chosen in (TWO_SPS.free,)),
)


@cache
def relation_of(setting: Setting) -> Relation:
    """The relation with free variants."""
    variants = Variants.of({}, setting.free)
    return build_relation(BUILT_IN[setting.topology], DEFAULT, setting.granularity, variants=variants)


@cache
def spaces_of(setting: Setting, choices: tuple[Choice, ...] | None = None) -> Spaces:
    """All choices at once, or those given."""
    spaces = ParametricSearch(relation_of(setting), setting.items(), 1_000_000, choices).run()
    assert spaces.complete
    return spaces


def projected(layout: Layout, state: State, onto: Layout) -> tuple[int, ...]:
    """A state's positions of the variables of another layout; of a CPU's section, only whether it is idle."""
    shared = ((variable, state[layout.by_name[variable.owner, variable.field].index]) for variable in onto.variables)
    return tuple(bool(position) if variable.field == "section" else position for variable, position in shared)


def fixed(setting: Setting, chosen: Choice) -> Facts:
    """What explicit search finds when the choice is part of the relation."""
    variants = Variants.of({name: VARIANT_BY_NAME[name].other for name in chosen})
    relation = build_relation(BUILT_IN[setting.topology], DEFAULT, setting.granularity, variants=variants)
    items = setting.items()
    space = ExplicitSearch(Successors(relation), items, 1_000_000).run()
    assert space.complete
    sometimes = {item.id for item in items if item.kind is Kind.SOMETIMES}
    return Facts(
        {name: space.length(endings[0]) for name, endings in space.violations.items() if name not in sometimes},
        sometimes - set(space.witnesses),
        set(space.failures),
        {projected(relation.layout, state, relation.layout) for state in space.states},
    )


def of_all(setting: Setting, chosen: Choice) -> Facts:
    """What the search for all choices says of one."""
    spaces = spaces_of(setting)
    contains = spaces.sets.contains
    layout = relation_of(setting).layout
    variants = Variants.of({name: VARIANT_BY_NAME[name].other for name in chosen})
    lengths = {
        name: [length for length, choices in found if contains(choices, chosen)]
        for name, found in spaces.lengths.items()
    }
    assert all(len(found) <= 1 for found in lengths.values())
    violated = {name for name, choices in spaces.violated.items() if contains(choices, chosen)}
    never = {name for name in violated if CATALOGUE[name].kind is Kind.SOMETIMES}
    assert violated - never == {name for name, found in lengths.items() if found}
    onto = Layout(BUILT_IN[setting.topology], variants=variants)
    return Facts(
        {name: found[0] for name, found in lengths.items() if found},
        never,
        {check for check, choices in spaces.failures.items() if contains(choices, chosen)},
        {projected(layout, state, onto) for state, choices in spaces.reached.items() if contains(choices, chosen)},
    )


@pytest.mark.parametrize(("setting", "chosen"), SAMPLE, ids=str)
def test_each_choice_is_as_if_it_were_the_only_one(setting: Setting, chosen: Choice) -> None:
    assert of_all(setting, chosen) == fixed(setting, chosen)


def test_all_that_is_compared_depends_on_the_choice() -> None:
    """Otherwise the comparison says nothing."""
    spaces = spaces_of(HANDLER)
    depends = spaces.sets.variants_of
    kinds = {CATALOGUE[name].kind for name, choices in spaces.violated.items() if depends(choices)}
    assert kinds == {Kind.ALWAYS, Kind.STEP, Kind.SOMETIMES}
    assert any(len(found) > 1 for found in spaces.lengths.values())
    assert any(map(depends, spaces.failures.values()))
    assert {name for choices in spaces.reached.values() for name in depends(choices)} == set(HANDLER.free)


def test_with_all_hunks_taken_back_the_vm_state_says_what_the_flag_says() -> None:
    """This alone is not as if it were the only choice: there, no VM has a state, and properties of it mean nothing."""
    setting = Setting("2x1-up", Granularity.HANDLER, SWITCHED, ())
    layout = Layout(BUILT_IN["2x1-up"], variants=BEFORE)
    facts, alone = of_all(setting, SWITCHED), fixed(setting, SWITCHED)
    null, aborting = (list(VmState).index(state) for state in (VmState.NULL, VmState.ABORTING))
    stateless = set()
    for state in facts.states:
        values = list(state)
        for vm in BUILT_IN["2x1-up"].partitions:
            position, flag = (layout.by_name[vm_key(vm.id), name].index for name in ("state", "aborting"))
            assert values[position] == (aborting if values[flag] else null)
            values[position] = null
        stateless.add(tuple(values))
    assert stateless == alone.states
    assert facts.failures == alone.failures


def test_only_the_choices_asked_for_are_searched() -> None:
    asked = ((), ("H13",), ("H09", "up-replug", "yield-interrupt"), HANDLER.free)
    everything, some = spaces_of(HANDLER), spaces_of(HANDLER, asked)

    def restricts(full: ChoiceSet, part: ChoiceSet) -> bool:
        return all(
            some.sets.contains(part, chosen) == (chosen in asked and everything.sets.contains(full, chosen))
            for chosen in HANDLER.choices()
        )

    assert restricts(ALL, some.reached[Successors(relation_of(HANDLER)).initial()])
    for state, choices in everything.reached.items():
        under = [everything.sets.contains(choices, chosen) for chosen in asked]
        assert under == [some.sets.contains(some.reached.get(state, NONE), chosen) for chosen in asked]
        assert (state in some.reached) == any(under)
    assert all(restricts(choices, some.violated.get(name, NONE)) for name, choices in everything.violated.items())
    assert all(restricts(choices, some.failures.get(check, NONE)) for check, choices in everything.failures.items())
    assert all(restricts(choices, some.witnessed.get(name, NONE)) for name, choices in everything.witnessed.items())


def test_a_search_that_is_cut_short_says_so() -> None:
    spaces = ParametricSearch(relation_of(HANDLER), [], 100).run()
    assert not spaces.complete
    assert 100 < len(spaces.reached) < len(spaces_of(HANDLER).reached)


def test_a_planted_difference_is_found() -> None:
    """On one CPU, nothing asks what becomes of a CPU that was never on."""
    free = ("H13", "never-on")
    relation = build_relation(BUILT_IN["2x1-up"], DEFAULT, variants=Variants.of({}, free))
    planted = with_an_abort_lifted_by(relation, "never-on")
    spaces = ParametricSearch(planted, [CATALOGUE["P12"]], 1_000_000).run()
    assert spaces.complete
    assert spaces.sets.variants_of(spaces.violated["P12"]) == ("never-on",)
    assert spaces.sets.contains(spaces.violated["P12"], ["never-on"])


DEPTH: Final = 7


def test_bounded_model_checking_finds_the_shortest_over_all_choices() -> None:
    relation = relation_of(HANDLER)
    items = [item for item in HANDLER.items() if item.kind is not Kind.SOMETIMES]
    encoding = Encoding(relation)
    goals = Goals(encoding)
    answers = BoundedModelChecker(encoding, [goals.violation(item) for item in items]).run(DEPTH)
    found = {
        item.id: len(answer.steps) for item, answer in zip(items, answers, strict=True) if isinstance(answer, Found)
    }
    spaces = spaces_of(HANDLER)
    shortest = {name: min(length for length, _ in lengths) for name, lengths in spaces.lengths.items()}
    assert found == {name: length for name, length in shortest.items() if length <= DEPTH}
    assert any(not spaces.sets.contains(spaces.violated[name]) for name in found), "some variant breaks something"
