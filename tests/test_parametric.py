"""Search for all choices at once, against explicit search and bounded model checking of single choices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
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
from model.variants import VARIANT_BY_NAME, Variants
from proofs.engines.bmc import BoundedModelChecker
from proofs.engines.choices import NONE, ChoiceSet
from proofs.engines.encoding import Encoding
from proofs.engines.explicit import ExplicitSearch
from proofs.engines.goals import Goals
from proofs.engines.outcome import Found
from proofs.engines.parametric import ParametricSearch, Spaces
from proofs.engines.successors import State, Successors
from properties.catalogue import CATALOGUE
from properties.language import Kind, Property
from tests.planted import with_a_lifted_abort

Choice = tuple[str, ...]
"""The variants that take the other alternative."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is searched: a topology, its free variants, and the properties, none: all."""

    topology: str
    granularity: Granularity
    free: Choice
    properties: Choice = ()

    def items(self) -> list[Property]:
        """The properties that are looked at."""
        named = [CATALOGUE[name] for name in self.properties or CATALOGUE]
        return [item for item in named if not item.assuming and item.applies_to(BUILT_IN[self.topology])]

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
    ("H03", "H13", "H14", "created-abort", "error-outside-init", "up-replug", "yield-interrupt"),
)
SECTION: Final = Setting(
    "2x1-up", Granularity.SECTION, ("H09", "H13", "starting-lost", "up-replug"), ("P01", "P06", "P12", "P20", "P30")
)
TWO_SPS: Final = Setting(
    "1x2", Granularity.HANDLER, ("H06", "H12", "boot-chain", "sp-caller"), ("P01", "P06", "P12", "P20", "P30")
)
SAMPLE: Final = (
    *(pytest.param(HANDLER, chosen, id="-".join(chosen)) for chosen in [(), *((name,) for name in HANDLER.free)]),
    pytest.param(HANDLER, ("H13", "created-abort"), id="two"),
    pytest.param(HANDLER, HANDLER.free, id="all"),
    *(pytest.param(SECTION, chosen, id=f"section-{len(chosen)}") for chosen in [(), ("H09", "up-replug"), SECTION.free]),
    *(pytest.param(TWO_SPS, chosen, id=f"two-sps-{len(chosen)}") for chosen in [("H12",), TWO_SPS.free]),
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


@pytest.mark.parametrize(("setting", "chosen"), SAMPLE)
def test_each_choice_is_as_if_it_were_the_only_one(setting: Setting, chosen: Choice) -> None:
    assert of_all(setting, chosen) == fixed(setting, chosen)


def test_choices_differ_in_all_that_is_compared() -> None:
    """Otherwise the comparison says nothing."""
    facts = [of_all(HANDLER, chosen) for chosen in HANDLER.choices()]
    lengths: dict[str, set[int]] = {}
    for one in facts:
        for name, length in one.violated.items():
            lengths.setdefault(name, set()).add(length)
    assert len({frozenset(one.violated) for one in facts}) > 1
    assert any(len(found) > 1 for found in lengths.values())
    assert len({frozenset(one.never) for one in facts}) > 1
    assert len({frozenset(one.failures) for one in facts}) > 1
    assert len({len(one.states) for one in facts}) > 1


def test_only_the_choices_asked_for_are_searched() -> None:
    asked = ((), ("H13",), ("H03", "H14", "up-replug"), HANDLER.free)
    everything, some = spaces_of(HANDLER), spaces_of(HANDLER, asked)

    def restricts(full: ChoiceSet, part: ChoiceSet) -> bool:
        return all(
            some.sets.contains(part, chosen) == (chosen in asked and everything.sets.contains(full, chosen))
            for chosen in HANDLER.choices()
        )

    assert restricts(everything.sets.of(HANDLER.choices()), some.reached[Successors(relation_of(HANDLER)).initial()])
    assert all(restricts(choices, some.reached.get(state, NONE)) for state, choices in everything.reached.items())
    assert all(restricts(choices, some.violated.get(name, NONE)) for name, choices in everything.violated.items())
    assert all(restricts(choices, some.failures.get(check, NONE)) for check, choices in everything.failures.items())
    assert all(restricts(choices, some.witnessed.get(name, NONE)) for name, choices in everything.witnessed.items())
    assert set(some.reached) < set(everything.reached)


def test_a_search_that_is_cut_short_says_so() -> None:
    spaces = ParametricSearch(relation_of(HANDLER), [], 100).run()
    assert not spaces.complete
    assert 100 < len(spaces.reached) < len(spaces_of(HANDLER).reached)


def planted(relation: Relation, variant: str) -> Relation:
    """The relation with a bug that only the other alternative of a variant has."""
    wrong = dict(with_a_lifted_abort(relation).first)
    (choice,) = (v for v in relation.layout.variables if v.field == variant)
    node = relation.diagrams.node
    return replace(relation, first=[(act, node(choice.index, 2, wrong[act], right)) for act, right in relation.first])


def test_a_planted_difference_is_found() -> None:
    """On one CPU, nothing asks what becomes of a CPU that was never on."""
    free = ("H13", "never-on")
    relation = build_relation(BUILT_IN["2x1-up"], DEFAULT, variants=Variants.of({}, free))
    state = relation.layout.by_name[vm_key(0x8001), "state"]
    relation.known[state.index] |= 1 << state.domain.index(VmState.NULL)
    spaces = ParametricSearch(planted(relation, "never-on"), [CATALOGUE["P12"]], 1_000_000).run()
    assert spaces.complete
    assert spaces.sets.variants_of(spaces.violated["P12"]) == ("never-on",)
    assert spaces.sets.smallest(spaces.violated["P12"]) == (frozenset({"never-on"}),)


DEPTH: Final = 5


def _lengths(choices: Iterable[Facts]) -> dict[str, int]:
    """The shortest violation of each property under any of some choices."""
    shortest: dict[str, int] = {}
    for one in choices:
        for name, length in one.violated.items():
            shortest[name] = min(length, shortest.get(name, length))
    return shortest


def test_bounded_model_checking_finds_the_shortest_over_all_choices() -> None:
    relation = relation_of(HANDLER)
    items = [item for item in HANDLER.items() if item.kind is not Kind.SOMETIMES]
    encoding = Encoding(relation)
    goals = Goals(encoding)
    answers = BoundedModelChecker(encoding, [goals.violation(item) for item in items]).run(DEPTH)
    found = {
        item.id: len(answer.steps) for item, answer in zip(items, answers, strict=True) if isinstance(answer, Found)
    }
    shortest = _lengths(of_all(HANDLER, chosen) for chosen in HANDLER.choices())
    assert found == {name: length for name, length in shortest.items() if length <= DEPTH}
    default = of_all(HANDLER, ()).violated
    assert any(length < default.get(name, DEPTH + 1) for name, length in found.items()), "some variant breaks something"
