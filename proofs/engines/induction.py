"""Proofs for executions of any length: an invariant, its inductiveness, and what follows from it.

A property holds if it breaks neither in the first k - 1 steps nor after k - 1 steps, through states that the
invariant allows, in which it held. The candidate invariant comes from abstract interpretation (pairwise.py) and is
not believed: each of its facts that a proof uses, directly or not, is shown to be inductive by the solver. Idle
steps, which make the relation total, are not among the k - 1 steps: with them, nothing would be gained by k > 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

import z3

from model.exploration import Relation
from proofs.engines.bmc import BoundedModelChecker
from proofs.engines.encoding import Encoding
from proofs.engines.goals import Goal, Goals
from proofs.engines.outcome import Bounded, Cube, Proved, Undecided, Unknown
from proofs.engines.pairwise import PairwiseInvariant
from proofs.engines.predicates import Instance
from properties.language import Property

Answer = Proved | Undecided | Unknown
State = Sequence[int]


class InvariantError(AssertionError):
    """The invariant of the abstract interpretation is wrong: an error of this program."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How a property was proved, for reports."""

    method: str
    invariant: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """Three formulas, each without a solution, that together prove a property (by 1-induction)."""

    initiation: z3.BoolRef
    consecution: z3.BoolRef
    safety: z3.BoolRef


def prove_by_induction(
    relation: Relation, properties: Sequence[Property], explored: Sequence[State], seed: int, budget: int = 0
) -> dict[str, Proof]:
    """The properties that induction proves.  `explored` are reachable states, against which the invariant is tested.

    Raises InvariantError if one of them contradicts it.
    """
    invariant = PairwiseInvariant(relation)
    for state in Random(seed).sample(explored, min(len(explored), SAMPLE)):
        if not invariant.allows(state):
            raise InvariantError(f"the invariant excludes the reachable state {tuple(state)}")
    encoding = Encoding(relation)
    goals = Goals(encoding)
    prover = Prover(encoding, invariant.cubes(), seed=seed, budget=budget)
    answers = prover.prove([goals.violation(item) for item in properties])
    return {
        item.id: _describe(answer)
        for item, answer in zip(properties, answers, strict=True)
        if isinstance(answer, Proved)
    }


SAMPLE = 5_000
"""So many explored states are held against the invariant."""


class Prover:
    """Proves properties of a relation by induction.

    Facts are the parts of the invariant (no reachable state is in a cube) and the properties of states that were
    proved before.  Each has a name.
    """

    def __init__(self, encoding: Encoding, cubes: Sequence[Cube], depth: int = 2, seed: int = 0, budget: int = 0):
        """`depth` is the largest k; `budget` bounds each query (z3's rlimit, 0: none)."""
        self._encoding = encoding
        self._cubes = {f"cube{number}": cube for number, cube in enumerate(cubes)}
        self._facts = {name: z3.Not(encoding.cube(cube)) for name, cube in self._cubes.items()}
        self._unrollings = [_Unrolling(encoding, earlier, seed, budget) for earlier in range(max(depth, 2))]
        self._depth = depth
        self._seed = seed
        self._budget = budget
        self._supports: dict[str, frozenset[str]] = {}
        initial = encoding.relation.layout.initial()
        if any(all(mask >> initial[variable] & 1 for variable, mask in cube) for cube in cubes):
            raise InvariantError("the invariant excludes the initial state")

    def prove(self, goals: Sequence[Goal]) -> list[Answer]:
        """For each goal, whether it is never reached.  States come first, because they help with steps."""
        answers: dict[str, Answer] = {}
        for of_steps in (False, True):
            group = [goal for goal in goals if goal.of_steps == of_steps]
            for unrolling in self._unrollings[: self._depth]:
                still_open = [goal for goal in group if not isinstance(answers.get(goal.property.id), Proved)]
                self._prove_together(still_open, unrolling, answers)
        return [answers[goal.property.id] for goal in goals]

    def certificate(self, goal: Goal, proved: Proved) -> Certificate:
        """The proof of a goal for any solver.  Raises ValueError unless it is by 1-induction."""
        if proved.depth > 1:
            raise ValueError(f"{goal.property.id} is proved by {proved.depth}-induction")
        encoding = self._encoding
        parts = [z3.Not(encoding.cube(cube)) for cube in proved.invariant]
        parts += [self._facts[name] for name in proved.lemmas]
        if not goal.of_steps:
            parts.append(z3.Not(goal.formula))
        invariant = z3.And(*parts)
        domain, now = encoding.at(encoding.domain, 0), encoding.at(invariant, 0)
        return Certificate(
            z3.And(encoding.at(encoding.initial, 0), z3.Not(now)),
            z3.And(domain, now, encoding.at(encoding.transition, 0), z3.Not(encoding.at(invariant, 1))),
            z3.And(domain, now, encoding.at(goal.formula, 0)),
        )

    def _prove_together(self, goals: Sequence[Goal], unrolling: _Unrolling, answers: dict[str, Answer]) -> None:
        """Prove the largest set of goals of which none is reached after earlier steps in which none was."""
        candidates = self._not_reached_within(goals, unrolling.earlier)
        while candidates:
            result = unrolling.check(self._assumptions(candidates, unrolling), candidates)
            if result == z3.unsat:
                break
            if result == z3.unknown:
                answers.update({goal.property.id: Unknown(unrolling.reason()) for goal in candidates})
                return
            reached = unrolling.reached(candidates)
            answers.update({name: Undecided(unrolling.first_state(), instance) for name, instance in reached.items()})
            candidates = [goal for goal in candidates if goal.property.id not in reached]
        for goal in candidates:
            self._supports[goal.property.id] = self._core(self._assumptions(candidates, unrolling), goal, unrolling)
        for goal in candidates:
            answers[goal.property.id] = self._proved(goal, unrolling.earlier)
            if not goal.of_steps and unrolling.earlier < 2:
                self._facts[goal.property.id] = z3.Not(goal.formula)

    def _not_reached_within(self, goals: Sequence[Goal], steps: int) -> list[Goal]:
        """The goals for which the base cases hold."""
        if steps == 0 or not goals:
            return list(goals)
        found = BoundedModelChecker(self._encoding, goals, seed=self._seed, budget=self._budget).run(steps)
        return [goal for goal, answer in zip(goals, found, strict=True) if isinstance(answer, Bounded)]

    def _assumptions(self, candidates: Sequence[Goal], unrolling: _Unrolling) -> list[z3.BoolRef]:
        """The facts in every state, and that no candidate was reached before."""
        facts = [
            unrolling.literal(name, fact, frame)
            for name, fact in self._facts.items()
            for frame in range(unrolling.earlier + 1)
        ]
        before = [
            unrolling.literal(goal.property.id, z3.Not(goal.formula), frame)
            for goal in candidates
            for frame in range(unrolling.earlier)
        ]
        return facts + before

    def _proved(self, goal: Goal, earlier: int) -> Answer:
        """The proof of a goal, with all that it rests on."""
        name = goal.property.id
        needed: set[str] = set()
        waiting = set(self._supports[name])
        while waiting:
            fact = waiting.pop()
            needed.add(fact)
            if fact not in self._supports:
                support = self._support(fact)
                if support is None:
                    return Unknown(f"the solver cannot tell whether a fact is inductive: {self._cubes[fact]}")
                self._supports[fact] = support
            waiting |= self._supports[fact] - needed
        invariant = tuple(cube for fact, cube in self._cubes.items() if fact in needed)
        lemmas = tuple(sorted(needed - self._cubes.keys() - {name}))
        return Proved(max(earlier, 1) if not goal.of_steps else earlier + 1, invariant, lemmas)

    def _support(self, fact: str) -> frozenset[str] | None:
        """The facts that make a part of the invariant inductive; None if the solver gives up."""
        step = self._unrollings[1]
        assumptions = [step.literal(name, self._facts[name], 0) for name in self._cubes]
        broken = step.literal(f"not {fact}", z3.Not(self._facts[fact]), 1)
        result = step.solver.check(*assumptions, broken)
        if result == z3.sat:
            raise InvariantError(f"not inductive: {self._cubes[fact]}")
        return step.core() - {f"not {fact}"} if result == z3.unsat else None

    def _core(self, assumptions: list[z3.BoolRef], goal: Goal, unrolling: _Unrolling) -> frozenset[str]:
        """What of the assumptions a proved goal needs."""
        if unrolling.check(assumptions, [goal]) != z3.unsat:
            raise InvariantError(f"{goal.property.id} was proved together with others, but not alone")
        return unrolling.core()


class _Unrolling:
    """Some earlier steps, all of them real, from any state; then a state or step in which a goal may be reached."""

    def __init__(self, encoding: Encoding, earlier: int, seed: int, budget: int):
        self.earlier = earlier
        self.solver = z3.SimpleSolver()
        self.solver.set("random_seed", seed)
        if budget:
            self.solver.set("rlimit", budget)
        self.solver.add(encoding.at(encoding.domain, 0))
        for frame in range(earlier):
            self.solver.add(encoding.at(encoding.transition, frame), encoding.at(encoding.moves, frame))
        self._encoding = encoding
        self._literals: dict[tuple[str, int], z3.BoolRef] = {}
        self._cases: dict[str, list[tuple[Instance, z3.BoolRef]]] = {}
        self._names: dict[str, str] = {}
        self._checks = 0

    def literal(self, name: str, formula: z3.BoolRef, frame: int) -> z3.BoolRef:
        """A literal that implies a formula at a frame."""
        literal = self._literals.get((name, frame))
        if literal is None:
            literal = self._literals[name, frame] = z3.Bool(f"{name}@{frame}")
            self._names[str(literal)] = name
            self.solver.add(z3.Implies(literal, self._encoding.at(formula, frame)))
        return literal

    def check(self, assumptions: list[z3.BoolRef], goals: Sequence[Goal]) -> z3.CheckSatResult:
        """Whether one of the goals can be reached."""
        self._checks += 1
        some = z3.Bool(f"check{self._checks}")
        self.solver.add(z3.Implies(some, z3.Or(*[case for goal in goals for _, case in self._cases_of(goal)])))
        return self.solver.check(*assumptions, some)

    def reason(self) -> str:
        """Why the solver gave up."""
        return str(self.solver.reason_unknown())

    def core(self) -> frozenset[str]:
        """The names of the assumptions that the last check used."""
        used = (str(literal) for literal in self.solver.unsat_core())
        return frozenset(self._names[literal] for literal in used if literal in self._names)

    def reached(self, goals: Iterable[Goal]) -> dict[str, Instance]:
        """The goals that the last check reached, by the id of their property."""
        model = self.solver.model()
        return {
            goal.property.id: instance
            for goal in goals
            for instance, case in self._cases_of(goal)
            if z3.is_true(model.eval(case, model_completion=True))
        }

    def first_state(self) -> tuple[int, ...]:
        """The state in which the last check begins."""
        return self._encoding.state(self.solver.model(), 0)

    def _cases_of(self, goal: Goal) -> list[tuple[Instance, z3.BoolRef]]:
        name = goal.property.id
        if name not in self._cases:
            self._cases[name] = []
            for place, (instance, formula) in enumerate(goal.cases):
                case = z3.Bool(f"{name}.{place}!{self.earlier}")
                self.solver.add(case == self._encoding.at(formula, self.earlier))
                self._cases[name].append((instance, case))
        return self._cases[name]


def _describe(proved: Proved) -> Proof:
    facts = len(proved.invariant) + len(proved.lemmas)
    digest = hashlib.sha256(repr((proved.invariant, proved.lemmas)).encode()).hexdigest()
    return Proof(f"{proved.depth}-induction, every window", f"{facts} facts, sha256 {digest[:16]}")
