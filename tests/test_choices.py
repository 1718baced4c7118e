"""Sets of choices, against plain sets of sets of names, and conditions, against what they say."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Final

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from proofs.engines.choices import ALL, NONE, ChoiceSet, ChoiceSets, Literal, Term
from proofs.reports.formulas import Condition, Formula, Formulas
from properties.catalogue import CATALOGUE

Choice = frozenset[str]
"""The variants that take the other alternative."""

NAMES: Final = ("H13", "abort-request", "boot-chain", "never-on", "up-replug")
EVERY: Final = frozenset(frozenset(chosen) for size in range(len(NAMES) + 1) for chosen in combinations(NAMES, size))

quickly = settings(max_examples=50, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
choices = st.sets(st.sampled_from(NAMES)).map(frozenset)
sets_of_choices = st.one_of(
    st.sets(choices).map(frozenset), st.sets(choices, min_size=16).map(frozenset), st.sets(choices).map(EVERY.__sub__)
)
terms = st.sets(st.builds(Literal, st.sampled_from(NAMES), st.booleans())).map(frozenset)


def satisfying(term: Term) -> frozenset[Choice]:
    """The choices in which all literals of a term hold."""
    return frozenset(one for one in EVERY if all((item.variant in one) == item.other for item in term))


def union(some: Iterable[Term]) -> frozenset[Choice]:
    """The choices that satisfy one of the terms."""
    return frozenset().union(*map(satisfying, some))


def members(sets: ChoiceSets, held: ChoiceSet) -> frozenset[Choice]:
    """What a set holds."""
    return frozenset(one for one in EVERY if sets.contains(held, one))


@quickly
@given(sets_of_choices)
def test_a_set_holds_what_it_is_made_of(chosen: frozenset[Choice]) -> None:
    sets = ChoiceSets(reversed(NAMES))
    assert sets.variants == NAMES
    held = sets.of(chosen)
    assert members(sets, held) == chosen
    assert (held == NONE, held == ALL) == (not chosen, chosen == EVERY)
    assert members(sets, -held) == EVERY - chosen


@quickly
@given(sets_of_choices, sets_of_choices)
def test_sets_are_combined_as_sets_are(first: frozenset[Choice], second: frozenset[Choice]) -> None:
    sets = ChoiceSets(NAMES)
    one, other = sets.of(first), sets.of(second)
    assert (one == other) == (first == second)
    assert sets.both(one, other) == sets.of(first & second)
    assert sets.either(one, other) == sets.of(first | second)
    assert sets.without(one, other) == sets.of(first - second)


@quickly
@given(st.lists(terms, max_size=6))
def test_a_union_holds_what_satisfies_a_term(some: list[Term]) -> None:
    sets = ChoiceSets(NAMES)
    assert members(sets, sets.union(some)) == union(some)


@quickly
@given(sets_of_choices)
def test_a_set_depends_on_the_variants_that_decide_about_some_choice(chosen: frozenset[Choice]) -> None:
    sets = ChoiceSets(NAMES)
    deciding = {name for name in NAMES if any((one in chosen) != (one ^ {name} in chosen) for one in EVERY)}
    assert sets.variants_of(sets.of(chosen)) == tuple(sorted(deciding))


@quickly
@given(sets_of_choices)
def test_terms_say_what_a_set_is_and_none_can_be_left_out(chosen: frozenset[Choice]) -> None:
    sets = ChoiceSets(NAMES)
    found = sets.terms(sets.of(chosen))
    assert union(found) == chosen
    for left_out in found:
        assert union(term for term in found if term is not left_out) != chosen


@quickly
@given(sets_of_choices, choices)
def test_the_smallest_changes_are_those_of_brute_force(chosen: frozenset[Choice], start: Choice) -> None:
    sets = ChoiceSets(NAMES)
    changes = [one ^ start for one in chosen]
    fewest = min(map(len, changes), default=0)
    found = sets.smallest(sets.of(chosen), start)
    assert found == tuple(sorted((one for one in changes if len(one) == fewest), key=sorted))


@quickly
@given(sets_of_choices)
def test_a_condition_says_when_a_property_holds(chosen: frozenset[Choice]) -> None:
    formulas = Formulas(NAMES, ())
    condition = condition_of(formulas, formulas.sets.of(chosen))
    said = union(map(frozenset, condition.terms))
    assert (EVERY - said if condition.negated else said) == chosen


def condition_of(formulas: Formulas, holds: ChoiceSet) -> Condition:
    """The condition of a property that holds under these choices."""
    return formulas.condition(Formula(CATALOGUE["P12"], (), holds))


def test_conditions_are_short() -> None:
    formulas = Formulas(NAMES, ())
    sets = formulas.sets
    boot, power, never = Literal("boot-chain", True), Literal("up-replug", False), Literal("never-on", True)
    together = sets.union([frozenset({boot, power})])
    either = sets.either(together, sets.literal(never))
    opposite = (Literal("boot-chain", False),), (Literal("up-replug", True),)
    assert condition_of(formulas, together) == Condition(False, ((boot, power),))
    assert condition_of(formulas, -together) == Condition(False, opposite)
    assert condition_of(formulas, either) == Condition(False, ((never,), (boot, power)))
    assert condition_of(formulas, -either) == Condition(True, ((never,), (boot, power)))
