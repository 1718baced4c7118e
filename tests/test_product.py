"""Pairs of copies that share their stimuli, against trying out everything with the concrete reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from itertools import combinations, product
from typing import Final

import pytest

from model.environment import DEFAULT, Action, actions
from model.exploration import Relation, build_relation
from model.machine import Outcome
from model.simulation import Simulation
from model.topology import BUILT_IN
from model.values import Func
from model.variables import Layout
from model.variants import BEFORE, DEFAULT_VARIANTS, VARIANT_BY_NAME, Variants
from model.variants.hunks import SWITCHED
from model.variants.readings import READINGS
from proofs.engines.product import Difference, Pairs, PairSearch, kind_of
from proofs.engines.successors import State
from proofs.reports.comparison import Comparison, compare, reverting
from tests.planted import with_an_abort_lifted_by

DEPTH: Final = 5
FREE: Final = tuple(sorted(reading.name for reading in READINGS if reading.places and not reading.assumes))
"""The readings that can be told apart under the default assumptions."""

Shown = tuple[object, ...]
"""What an observer sees of a step; empty if it is impossible."""


@cache
def relation_of(topology: str, free: tuple[str, ...]) -> Relation:
    """The relation of a topology with free variants."""
    return build_relation(BUILT_IN[topology], DEFAULT, variants=Variants.of({}, free))


Stimuli = tuple[Action, ...]
States = tuple[tuple[int, ...], ...]


class Sequences:
    """Every sequence of stimuli, tried on a topology under two choices by the concrete reading."""

    def __init__(self, topology: str, left: Variants, right: Variants):
        self._actions = actions(BUILT_IN[topology], DEFAULT)
        self._copies = (simulation(topology, left), simulation(topology, right))

    def separating(self, depth: int) -> set[Stimuli]:
        """The shortest sequences, of at most so many stimuli, that tell the choices apart; empty if there is none."""
        level: dict[States, list[Stimuli]] = {tuple(copy.state for copy in self._copies): [()]}
        for _ in range(depth):
            found: set[Stimuli] = set()
            following: defaultdict[States, list[Stimuli]] = defaultdict(list)
            for (states, sequences), action in product(level.items(), self._actions):
                left, right = (shown(copy, action, state) for copy, state in zip(self._copies, states, strict=True))
                longer = [(*sequence, action) for sequence in sequences]
                if left == right and left[:1] == (Outcome.RETURN,):
                    following[tuple(copy.state for copy in self._copies)] += longer
                elif left != right and (action.actor is not None or (left and right)):
                    found.update(longer)
            if found:
                return found
            level = following
        return set()


def simulation(topology: str, variants: Variants) -> Simulation:
    """A topology under a choice, as the concrete reading executes it."""
    return Simulation(Layout(BUILT_IN[topology], variants=variants), DEFAULT, stop_at_windows=False)


def shown(copy: Simulation, action: Action, state: tuple[int, ...]) -> Shown:
    """What a copy shows of an action in a state; it stands in the state afterwards then."""
    copy.state = state
    done = copy.step(action)
    if done.outcome in (Outcome.DISABLED, Outcome.BLOCKED):
        return ()
    if done.outcome is not Outcome.RETURN:
        return (done.outcome,)
    runs = copy.layout.value(done.state, copy.layout.cpu_keys[action.cpu], "current")
    return done.outcome, done.reply, tuple(done.labels.delivered), runs


def read_as(*others: str) -> Variants:
    """The other alternative of some variants."""
    return Variants.of({name: VARIANT_BY_NAME[name].other for name in others})


def assert_same(sequences: set[Stimuli], pairs: Pairs) -> None:
    """The search found a shortest separating sequence, if there is any."""
    if sequences:
        assert pairs.differences[0].actions in sequences
    else:
        assert not pairs.differences
        assert pairs.complete or pairs.depth == DEPTH


@pytest.mark.parametrize("topology", ["2x1-up", "1x2"])
@pytest.mark.parametrize("free", [FREE, SWITCHED], ids=["readings", "hunks"])
def test_shortest_separations_are_those_of_trying_everything(topology: str, free: tuple[str, ...]) -> None:
    lengths: set[int | None] = set()
    for name in free:
        sequences = Sequences(topology, DEFAULT_VARIANTS, read_as(name)).separating(DEPTH)
        pairs = PairSearch(relation_of(topology, free), [], [name], 100_000).run(max_depth=DEPTH)
        assert_same(sequences, pairs)
        lengths.add(min(map(len, sequences), default=None))
    assert {None, 3, DEPTH} <= lengths


@pytest.mark.parametrize(
    ("left", "right"),
    [(("run-waiting",), ("sp-caller", "H13")), (("abort-version", "init-request"), ("abort-version", "first-caller"))],
)
def test_any_two_choices_are_compared(left: tuple[str, ...], right: tuple[str, ...]) -> None:
    sequences = Sequences("1x2", read_as(*left), read_as(*right)).separating(DEPTH)
    found = compare(BUILT_IN["1x2"], DEFAULT, read_as(*left), read_as(*right), 100_000, max_depth=DEPTH)
    assert sequences
    assert_same(sequences, found.pairs)
    assert set(found.relation.layout.variants.free) == set(left) ^ set(right)


def test_every_difference_is_shown_by_the_concrete_reading_and_is_of_its_own_kind() -> None:
    found = compare(BUILT_IN["1x2"], DEFAULT, DEFAULT_VARIANTS, read_as("run-waiting"), 100_000, max_depth=9)
    lengths = [separation.length for separation in found.separations]
    kinds = {kind_of(separation.difference) for separation in found.separations}
    assert len(kinds) == len(lengths) > 1
    assert lengths == sorted(lengths)
    for separation in found.separations:
        left, right = separation.left.steps, separation.right.steps
        assert [step.label for step in left[: separation.length - 1]] == [
            step.label for step in right[: separation.length - 1]
        ]
        assert separation.difference.left != separation.difference.right


@pytest.mark.parametrize("others", [(), ("H13", "H14")])
def test_identical_copies_are_never_told_apart(others: tuple[str, ...]) -> None:
    pairs = PairSearch(relation_of("2x1-up", SWITCHED), others, others, 100_000).run(aligned=lambda a, b: a == b)
    assert pairs.complete
    assert not pairs.differences
    assert pairs.misaligned is None
    assert pairs.count > 1000


def _differences(topology: str, free: tuple[str, ...], name: str, depth: int) -> list[Difference]:
    return PairSearch(relation_of(topology, free), [], [name], 100_000).run(max_depth=depth).differences


def test_a_difference_in_what_is_delivered_only_is_found() -> None:
    (first, *_) = _differences("2x1-up", FREE, "abort-in-interrupt", DEPTH)
    assert replace(first.left, delivered=()) == replace(first.right, delivered=())
    delivered = [[value.func for _, value in side.delivered] for side in (first.left, first.right)]
    assert delivered[0] != delivered[1]
    assert Func.ERROR in delivered[0]


def test_a_planted_difference_is_found() -> None:
    """A copy in which an abort leaves the VM as if it had never been loaded."""
    relation = relation_of("2x1-up", ("never-on",))
    assert not PairSearch(relation, [], ["never-on"], 100_000).run().differences
    pairs = PairSearch(with_an_abort_lifted_by(relation, "never-on"), [], ["never-on"], 100_000).run()
    assert pairs.differences
    assert "abort" in " ".join(action.operation for action in pairs.differences[0].actions)


@pytest.mark.parametrize("depth", range(4))
def test_no_more_stimuli_are_given_than_allowed(depth: int) -> None:
    assert len(_differences("2x1-up", FREE, "abort-in-init", depth)) == (depth >= 3)


def test_a_search_that_is_cut_short_says_so() -> None:
    search = PairSearch(relation_of("2x1-up", FREE), [], ["created-abort"], 50)
    assert not search.run().complete


def test_the_first_states_that_are_not_related_as_they_should_be_are_shown() -> None:
    """States that no observer tells apart may differ all the same."""
    topology = BUILT_IN["2x1-up"]

    def same_but_for_the_choice(relation: Relation) -> Callable[[State, State], bool]:
        first = relation.layout.first_variant
        return lambda left, right: left[:first] == right[:first]

    other = read_as("aborted-or-stopped")
    found = compare(topology, DEFAULT, DEFAULT_VARIANTS, other, 100_000, max_depth=9, aligned=same_but_for_the_choice)
    shortest = found.pairs.misaligned
    assert shortest is not None
    copies = [simulation("2x1-up", variants) for variants in (DEFAULT_VARIANTS, other)]
    for action in shortest:
        assert copies[0].state == copies[1].state
        for copy in copies:
            copy.step(action)
    assert copies[0].state != copies[1].state


@cache
def the_patch(left: Variants, right: Variants) -> Comparison:
    """The revisions of the C compared."""
    return compare(BUILT_IN["2x1-up"], DEFAULT, left, right, 100_000)


@pytest.mark.parametrize(("left", "right"), [(BEFORE, DEFAULT_VARIANTS), (DEFAULT_VARIANTS, BEFORE)])
def test_the_hunk_behind_a_difference_is_named_whichever_side_has_it(left: Variants, right: Variants) -> None:
    """FFA_ERROR of the normal world: before the patch a reply, after it a panic."""
    found = the_patch(left, right)
    assert found.pairs.complete
    (separation,) = found.separations
    assert separation.length == DEPTH
    assert separation.difference.action.operation == "ffa_cpu_cycles_error_32"
    outcomes = {
        separation.left.variants: separation.difference.left,
        separation.right.variants: separation.difference.right,
    }
    assert outcomes[BEFORE].outcome is Outcome.RETURN
    assert outcomes[DEFAULT_VARIANTS].outcome is Outcome.PANIC
    assert reverting(found, separation) == (frozenset({"H13"}),)


@pytest.mark.parametrize(("left", "right"), [((), SWITCHED), (SWITCHED, ())], ids=["to", "back"])
def test_no_smaller_set_of_hunks_shows_what_the_other_side_does(left: tuple[str, ...], right: tuple[str, ...]) -> None:
    found = compare(BUILT_IN["1x2"], DEFAULT, read_as(*left), read_as(*right), 100_000, max_depth=12)
    assert len(found.separations) == 3
    for separation in found.separations:
        stimuli = separation.difference.actions
        wanted = all_shown(left, stimuli)
        named = {tuple(sorted(hunks)) for hunks in reverting(found, separation)}
        (size,) = {len(hunks) for hunks in named}
        for tried in range(size + 1):
            changes = combinations(SWITCHED, tried)
            showing = {hunks for hunks in changes if all_shown({*right} ^ {*hunks}, stimuli) == wanted}
            assert showing == (named if tried == size else set())


def all_shown(others: Iterable[str], stimuli: Stimuli) -> list[Shown]:
    """What is shown of each of some stimuli on 1x2, under the other alternative of some variants."""
    copy = simulation("1x2", read_as(*others))
    return [shown(copy, action, copy.state) for action in stimuli]


def test_where_nobody_asks_no_pairs_are_needed() -> None:
    found = compare(BUILT_IN["2x1-up"], DEFAULT, DEFAULT_VARIANTS, read_as("never-on"), 0)
    assert (found.separations, found.pairs) == ((), Pairs(complete=True))
