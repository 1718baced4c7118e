"""Bounded model checking against explicit search: same verdicts, same shortest lengths, same reachable states."""

from __future__ import annotations

import pytest
import z3

from model.environment import DEFAULT
from model.exploration import Granularity, Relation, build_relation
from model.topology import BUILT_IN
from proofs.engines.bmc import BoundedModelChecker
from proofs.engines.encoding import Encoding
from proofs.engines.explicit import ExplicitSearch, Space
from proofs.engines.goals import Goals
from proofs.engines.outcome import Bounded, Found, Unknown
from proofs.engines.pairwise import PairwiseInvariant
from proofs.engines.successors import State, Successors
from properties.catalogue import CATALOGUE
from properties.language import Kind, Property
from tests.planted import with_a_lifted_abort

DEPTH = 5
SYSTEMS = [("1x2", Granularity.HANDLER), ("2x1-up", Granularity.SECTION), ("2x1-mp", Granularity.SECTION)]


def _safety_properties(name: str) -> list[Property]:
    return [
        item
        for item in CATALOGUE.values()
        if item.kind in (Kind.ALWAYS, Kind.STEP) and not item.assuming and item.applies_to(BUILT_IN[name])
    ]


def _searched(relation: Relation, properties: list[Property]) -> Space:
    return ExplicitSearch(Successors(relation), properties, 100_000, max_depth=DEPTH).run()


def _followed(relation: Relation, found: Found) -> State:
    """The state before the last step of a trace; the last step has to be possible, too."""
    successors = Successors(relation)
    state = before = successors.initial()
    for step in found.steps:
        possible = {
            (choice.action, choice.section == 0): leaf
            for choice, leaf in successors.steps(state)
            if (choice.section == 0) == step.first
        }
        before = state
        state = successors.after(state, possible[step.action, step.first])
    return before


@pytest.mark.parametrize(("name", "granularity"), SYSTEMS)
def test_shortest_violations_are_those_of_explicit_search(name: str, granularity: Granularity) -> None:
    relation = build_relation(BUILT_IN[name], DEFAULT, granularity)
    properties = _safety_properties(name)
    space = _searched(relation, properties)
    goals = Goals(Encoding(relation))
    answers = BoundedModelChecker(
        Encoding(relation), [goals.violation(item) for item in properties], PairwiseInvariant(relation).cubes()
    ).run(DEPTH)
    lengths = {
        item.id: len(answer.steps)
        for item, answer in zip(properties, answers, strict=True)
        if isinstance(answer, Found)
    }
    assert lengths == {name: space.length(endings[0]) for name, endings in space.violations.items()}
    assert lengths
    for answer in answers:
        assert isinstance(answer, Found | Bounded)
        if isinstance(answer, Found):
            _followed(relation, answer)


def test_witnesses_are_as_near_as_in_explicit_search() -> None:
    relation = build_relation(BUILT_IN["1x2"], DEFAULT, Granularity.SECTION)
    properties = _safety_properties("1x2")
    space = _searched(relation, properties)
    encoding = Encoding(relation)
    goals = Goals(encoding)
    answers = BoundedModelChecker(encoding, [goals.witness(item) for item in properties]).run(DEPTH)
    lengths = {
        item.id: len(answer.steps)
        for item, answer in zip(properties, answers, strict=True)
        if isinstance(answer, Found)
    }
    assert lengths == {name: length for name, length in space.witnesses.items() if length <= DEPTH}


@pytest.mark.parametrize("granularity", Granularity)
def test_reachable_states_are_those_of_explicit_search(granularity: Granularity) -> None:
    assume = DEFAULT.without("secure_interrupts", "non_secure_interrupts", "sp_runs", "sp_errors", "nwd_error")
    relation = build_relation(BUILT_IN["2x1-up"], assume, granularity)
    space = _searched(relation, [])
    encoding = Encoding(relation)
    solver = z3.SolverFor("QF_FD")
    solver.add(encoding.at(encoding.initial, 0))
    for step in range(DEPTH):
        solver.add(encoding.at(encoding.transition, step))
    found = set()
    while solver.check() == z3.sat:
        state = encoding.state(solver.model(), DEPTH)
        found.add(state)
        here = z3.And(*[encoding.within(variable, 1 << value) for variable, value in enumerate(state)])
        solver.add(z3.Not(encoding.at(here, DEPTH)))
    assert solver.check() == z3.unsat
    assert found == {tuple(state) for state in space.states}


def test_a_planted_bug_is_found() -> None:
    relation = with_a_lifted_abort(build_relation(BUILT_IN["2x1-up"], DEFAULT, Granularity.SECTION))
    encoding = Encoding(relation)
    (answer,) = BoundedModelChecker(encoding, [Goals(encoding).violation(CATALOGUE["P12"])]).run(DEPTH)
    assert isinstance(answer, Found)
    _followed(relation, answer)


def test_without_resources_the_answer_is_unknown() -> None:
    relation = build_relation(BUILT_IN["2x1-up"], DEFAULT, Granularity.SECTION)
    encoding = Encoding(relation)
    goal = Goals(encoding).violation(CATALOGUE["P12"])
    (answer,) = BoundedModelChecker(encoding, [goal], budget=1).run(DEPTH)
    assert isinstance(answer, Unknown)
