"""Induction: what it proves is true, certificates stand on their own, and bugs are not proved away."""

from __future__ import annotations

import pytest
import z3

from model.diagram import Diagram, Leaf
from model.environment import DEFAULT
from model.exploration import Granularity, Relation, build_relation
from model.machine import NULL
from model.topology import BUILT_IN
from model.values import VmState
from model.variables import vm_key
from proofs.engines.encoding import Encoding
from proofs.engines.explicit import ExplicitSearch, Space
from proofs.engines.goals import Goals, StepClasses
from proofs.engines.induction import InvariantError, Prover, prove_by_induction
from proofs.engines.outcome import Cube, Proved, Undecided, Unknown
from proofs.engines.pairwise import PairwiseInvariant
from proofs.engines.predicates import PredicateCompiler, instances, step_label
from proofs.engines.successors import State, Successors
from properties.catalogue import CATALOGUE
from properties.language import Kind, Property, StepLabel, each_vm
from properties.statements import always
from tests.planted import with_a_lifted_abort

TRUE_EVERYWHERE = {"P06", "P11", "P12"}
"""VM ABORTING is final; RUNNING is set on CPU 0 only; VM transitions are legal."""


def _safety_properties(name: str) -> list[Property]:
    return [
        item
        for item in CATALOGUE.values()
        if item.kind in (Kind.ALWAYS, Kind.STEP) and not item.assuming and item.applies_to(BUILT_IN[name])
    ]


@pytest.fixture(scope="module")
def relation() -> Relation:
    return build_relation(BUILT_IN["2x1-up"], DEFAULT, Granularity.SECTION)


@pytest.fixture(scope="module")
def space(relation: Relation) -> Space:
    return ExplicitSearch(Successors(relation), _safety_properties("2x1-up"), 100_000).run()


def test_what_is_proved_is_true(relation: Relation, space: Space) -> None:
    assert space.complete
    proofs = prove_by_induction(relation, _safety_properties("2x1-up"), space.states, 0)
    assert not proofs.keys() & space.violations.keys()
    assert proofs.keys() >= TRUE_EVERYWHERE


@pytest.mark.parametrize("name", ["1x2", "2x1-mp"])
def test_it_proves_on_other_systems_too(name: str) -> None:
    relation = build_relation(BUILT_IN[name], DEFAULT, Granularity.HANDLER)
    proofs = prove_by_induction(relation, [CATALOGUE[item] for item in TRUE_EVERYWHERE], [], 0)
    assert proofs.keys() == TRUE_EVERYWHERE


def test_every_reachable_state_is_in_the_invariant(relation: Relation, space: Space) -> None:
    invariant = PairwiseInvariant(relation)
    assert all(invariant.allows(state) for state in space.states)
    excluded = [(cube, state) for cube in invariant.cubes() for state in space.states[::100] if _is_in(cube, state)]
    assert excluded == []


def test_an_explored_state_outside_the_invariant_is_an_error(relation: Relation) -> None:
    state = relation.layout.initial()
    state[relation.layout.by_name[relation.layout.cpu_keys[0], "current"].index] = 1
    with pytest.raises(InvariantError):
        prove_by_induction(relation, [CATALOGUE["P12"]], [tuple(state)], 0)


def test_certificates_stand_on_their_own(relation: Relation) -> None:
    encoding = Encoding(relation)
    goals = [Goals(encoding).violation(item) for item in _safety_properties("2x1-up")]
    prover = Prover(encoding, PairwiseInvariant(relation).cubes())
    answers = zip(goals, prover.prove(goals), strict=True)
    proofs = [(goal, answer) for goal, answer in answers if isinstance(answer, Proved) and answer.depth == 1]
    assert any(answer.invariant for _, answer in proofs)
    for goal, answer in proofs:
        certificate = prover.certificate(goal, answer)
        for formula in (certificate.initiation, certificate.consecution, certificate.safety):
            solver = z3.Solver()
            solver.add(formula)
            assert solver.check() == z3.unsat


def test_an_invariant_that_is_not_inductive_is_an_error(relation: Relation) -> None:
    state = relation.layout.by_name[vm_key(0x8001), "state"]
    wrong = ((state.index, 1 << state.domain.index(VmState.RUNNING)),)
    never_running = always(
        "T02",
        "The VM never runs",
        "",
        over=each_vm,
        then=lambda m, vm: vm.state != VmState.RUNNING,
        sources=(),
    )
    encoding = Encoding(relation)
    prover = Prover(encoding, (*PairwiseInvariant(relation).cubes(), wrong))
    with pytest.raises(InvariantError):
        prover.prove([Goals(encoding).violation(never_running)])


def test_what_is_false_is_left_undecided_with_a_hint(relation: Relation) -> None:
    encoding = Encoding(relation)
    idle = always(
        "T01",
        "Nothing ever executes",
        "",
        over=lambda topology: [(key,) for key in relation.layout.cpu_keys],
        then=lambda m, cpu: cpu.current == NULL,
        sources=(),
    )
    invariant = PairwiseInvariant(relation)
    (answer,) = Prover(encoding, invariant.cubes()).prove([Goals(encoding).violation(idle)])
    assert isinstance(answer, Undecided)
    assert invariant.allows(answer.hint)


def test_a_planted_bug_is_not_proved_away() -> None:
    relation = with_a_lifted_abort(build_relation(BUILT_IN["2x1-up"], DEFAULT, Granularity.SECTION))
    assert "P12" not in prove_by_induction(relation, [CATALOGUE["P12"]], [], 0)


def test_without_resources_the_answer_is_unknown(relation: Relation) -> None:
    encoding = Encoding(relation)
    goal = Goals(encoding).violation(CATALOGUE["P11"])
    (answer,) = Prover(encoding, PairwiseInvariant(relation).cubes(), budget=1).prove([goal])
    assert isinstance(answer, Unknown)


@pytest.mark.parametrize("item", ["P07", "P10.r2", "P34", "P36", "P44", "X16"])
def test_step_predicates_are_compiled_as_one_by_one(item: str) -> None:
    relation = build_relation(BUILT_IN["1x2"], DEFAULT, Granularity.SECTION)
    classes, one_by_one = StepClasses(relation), PredicateCompiler(relation)
    for instance in instances(CATALOGUE[item], relation):
        for members, diagram in classes.classes(CATALOGUE[item].holds, instance.objects):
            for leaf, _, ways in classes.endings:
                for bit, root in ways:
                    if bit & members:
                        label = _label(relation, root, leaf)
                        alone = one_by_one.on_step(CATALOGUE[item].holds, instance.objects, label, leaf)
                        assert _shape(alone) == _shape(diagram)


def _label(relation: Relation, root: int, leaf: Leaf) -> StepLabel:
    actions = len(relation.first)
    action = relation.first[root][0] if root < actions else relation.continuations[root - actions][0].action
    return step_label(action, leaf, root < actions)


def _shape(diagram: Diagram) -> object:
    if isinstance(diagram, Leaf):
        return diagram.where
    return diagram.variable, diagram.mask, _shape(diagram.high), _shape(diagram.low)


def _is_in(cube: Cube, state: State) -> bool:
    return all(mask >> state[variable] & 1 for variable, mask in cube)
