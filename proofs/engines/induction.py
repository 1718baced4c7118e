"""Proofs for executions of any length: an invariant, its inductiveness, and what follows from it.

A property holds if it breaks neither in the first k - 1 steps nor after k - 1 steps, through states that the
invariant allows, in which it held. The candidate invariant comes from abstract interpretation (pairwise.py) and is
not believed: the solver shows that it is inductive before a proof uses it. Idle steps, which make the relation
total, are not among the k - 1 steps: with them, nothing would be gained by k > 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
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
Formulas = Mapping[str, z3.BoolRef]
"""Formulas about a state or a step, by name."""


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
    prover = Prover(encoding, invariant.cubes(), depth=1, seed=seed, budget=budget)
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
        self._facts: Formulas = {name: z3.Not(encoding.cube(cube)) for name, cube in self._cubes.items()}
        self._lemmas: dict[str, z3.BoolRef] = {}
        self._unrollings = [_Unrolling(encoding, earlier, seed, budget) for earlier in range(max(depth, 2))]
        self._depth = depth
        self._seed = seed
        self._budget = budget
        self._cores: dict[str, frozenset[str]] = {}
        initial = encoding.relation.layout.initial()
        if any(_is_in(cube, initial) for cube in cubes):
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
        parts += [self._lemmas[name] for name in proved.lemmas]
        if not goal.of_steps:
            parts.append(z3.Not(goal.formula()))
        invariant = z3.And(*parts)
        domain, now = encoding.at(encoding.domain, 0), encoding.at(invariant, 0)
        return Certificate(
            z3.And(encoding.at(encoding.initial, 0), z3.Not(now)),
            z3.And(domain, now, encoding.at(encoding.transition, 0), z3.Not(encoding.at(invariant, 1))),
            z3.And(domain, now, encoding.at(goal.formula(), 0)),
        )

    def _prove_together(self, goals: Sequence[Goal], unrolling: _Unrolling, answers: dict[str, Answer]) -> None:
        """Prove the largest set of goals of which none is reached after earlier steps in which none was."""
        candidates = self._not_reached_within(goals, unrolling.earlier)
        while candidates:
            facts = {**self._facts, **self._lemmas}
            result = unrolling.check(self._assumptions(candidates, unrolling, facts), unrolling.target(candidates))
            if result == z3.unsat:
                break
            if result == z3.unknown:
                answers.update({goal.property.id: Unknown(unrolling.reason()) for goal in candidates})
                return
            reached = unrolling.reached(candidates)
            answers.update({name: Undecided(unrolling.state(0), instance) for name, instance in reached.items()})
            candidates = [goal for goal in candidates if goal.property.id not in reached]
        for goal in candidates:
            self._cores[goal.property.id] = self._core(goal, candidates, unrolling)
        for goal in candidates:
            answers[goal.property.id] = self._proved(goal, unrolling.earlier)
        proved = [goal for goal in candidates if isinstance(answers[goal.property.id], Proved)]
        if unrolling.earlier == 1:
            self._lemmas.update({goal.property.id: z3.Not(goal.formula()) for goal in proved if not goal.of_steps})

    def _not_reached_within(self, goals: Sequence[Goal], steps: int) -> list[Goal]:
        """The goals for which the base cases hold."""
        if steps == 0 or not goals:
            return list(goals)
        found = BoundedModelChecker(self._encoding, goals, seed=self._seed, budget=self._budget).run(steps)
        return [goal for goal, answer in zip(goals, found, strict=True) if isinstance(answer, Bounded)]

    def _assumptions(self, candidates: Sequence[Goal], unrolling: _Unrolling, facts: Formulas) -> list[z3.BoolRef]:
        """Facts about every state, and that no candidate was reached before."""
        before = {goal.property.id: z3.Not(goal.formula()) for goal in candidates}
        earlier = range(unrolling.earlier)
        assumed = [unrolling.literals({**facts, **before}, frame) for frame in earlier]
        return [
            literal for literals in (*assumed, unrolling.literals(facts, unrolling.earlier)) for literal in literals
        ]

    def _core(self, goal: Goal, candidates: Sequence[Goal], unrolling: _Unrolling) -> frozenset[str]:
        """The names of what a goal's proof uses: none, if it needs none; everything, if the solver gives up."""
        target = unrolling.target([goal])
        for facts in ({}, {**self._facts, **self._lemmas}):
            if unrolling.check(self._assumptions(candidates, unrolling, facts), target) == z3.unsat:
                return unrolling.core(target)
        before = [candidate.property.id for candidate in candidates if unrolling.earlier]
        return frozenset([*self._facts, *self._lemmas, *before])

    def _proved(self, goal: Goal, earlier: int) -> Answer:
        """The proof of a goal, with all that it rests on."""
        name = goal.property.id
        used: set[str] = set()
        waiting = {name}
        while waiting:
            used |= waiting
            waiting = {other for lemma in waiting for other in self._cores.get(lemma, ())} - used
        facts = tuple(cube for fact, cube in self._cubes.items() if fact in self._cores[name])
        invariant = tuple(self._cubes.values()) if used & self._cubes.keys() else ()
        if invariant and self._inductive != z3.unsat:
            return Unknown("the solver cannot tell whether the invariant is inductive")
        lemmas = tuple(sorted(used - self._cubes.keys() - {name}))
        return Proved(earlier + 1 if goal.of_steps else max(earlier, 1), invariant, facts, lemmas)

    @cached_property
    def _inductive(self) -> z3.CheckSatResult:
        """Unsatisfiable, if no step leads from the invariant out of it.  Raises InvariantError if one does."""
        step = self._unrollings[1]
        facts = step.literals(self._facts, 0)
        for broken in step.literals({f"not {name}": z3.Not(fact) for name, fact in self._facts.items()}, 1):
            result = step.check(facts, broken)
            if result == z3.sat:
                raise InvariantError(f"the invariant is not inductive: {step.state(0)} leads to {step.state(1)}")
            if result == z3.unknown:
                return result
        return z3.unsat


class _Unrolling:
    """Some earlier steps, all of them real, from any state; then a state or step in which a goal may be reached."""

    def __init__(self, encoding: Encoding, earlier: int, seed: int, budget: int):
        self.earlier = earlier
        self._solver = z3.SimpleSolver()
        self._solver.set("random_seed", seed)
        if budget:
            self._solver.set("rlimit", budget)
        self._solver.add(encoding.at(encoding.domain, 0))
        for frame in range(earlier):
            self._solver.add(encoding.at(encoding.transition, frame), encoding.at(encoding.moves, frame))
        self._encoding = encoding
        self._literals: dict[tuple[str, int], z3.BoolRef] = {}
        self._cases: dict[str, list[tuple[Instance, z3.BoolRef]]] = {}
        self._names: dict[str, str] = {}
        self._targets = 0

    def literals(self, formulas: Mapping[str, z3.BoolRef], frame: int) -> list[z3.BoolRef]:
        """Literals that imply named formulas at a frame."""
        missing = [name for name in formulas if (name, frame) not in self._literals]
        for name in missing:
            self._literals[name, frame] = z3.Bool(f"{name}@{frame}")
            self._names[f"{name}@{frame}"] = name
        if missing:
            implied = [z3.Implies(self._literals[name, frame], formulas[name]) for name in missing]
            self._solver.add(self._encoding.at(z3.And(*implied), frame))
        return [self._literals[name, frame] for name in formulas]

    def target(self, goals: Sequence[Goal]) -> z3.BoolRef:
        """A literal that implies that one of the goals is reached after the earlier steps."""
        self._targets += 1
        target = z3.Bool(f"target{self._targets}")
        self._solver.add(z3.Implies(target, z3.Or(*[case for goal in goals for _, case in self._cases_of(goal)])))
        return target

    def check(self, assumptions: list[z3.BoolRef], target: z3.BoolRef) -> z3.CheckSatResult:
        """Whether a target can be reached."""
        return self._solver.check(*assumptions, target)

    def reason(self) -> str:
        """Why the solver gave up."""
        return str(self._solver.reason_unknown())

    def core(self, target: z3.BoolRef) -> frozenset[str]:
        """The names of assumptions that exclude a target, few of those that the last check used."""
        core = self._solver.unsat_core()
        size = len(core) + 1
        while len(core) < size and self._solver.check(*core) == z3.unsat:
            size = len(core)
            core = self._solver.unsat_core()
        return frozenset(self._names[str(literal)] for literal in core if not literal.eq(target))

    def reached(self, goals: Iterable[Goal]) -> dict[str, Instance]:
        """The goals that the last check reached, by the id of their property."""
        model = self._solver.model()
        return {
            goal.property.id: instance
            for goal in goals
            for instance, case in self._cases_of(goal)
            if z3.is_true(model.eval(case, model_completion=True))
        }

    def state(self, frame: int) -> tuple[int, ...]:
        """A state of the execution that the last check found."""
        return self._encoding.state(self._solver.model(), frame)

    def _cases_of(self, goal: Goal) -> list[tuple[Instance, z3.BoolRef]]:
        name = goal.property.id
        if name not in self._cases:
            cases = [z3.Bool(f"{name}.{place}!{self.earlier}") for place in range(len(goal.cases))]
            definitions = [case == formula for case, (_, formula) in zip(cases, goal.cases, strict=True)]
            self._solver.add(self._encoding.at(z3.And(*definitions), self.earlier))
            self._cases[name] = [(instance, case) for case, (instance, _) in zip(cases, goal.cases, strict=True)]
        return self._cases[name]


def _is_in(cube: Cube, state: State) -> bool:
    return all(mask >> state[variable] & 1 for variable, mask in cube)


def _describe(proved: Proved) -> Proof:
    digest = hashlib.sha256(repr(proved.invariant).encode()).hexdigest()[:16]
    invariant = f"{len(proved.invariant)} facts, sha256 {digest}" if proved.invariant else "none needed"
    return Proof(f"{proved.depth}-induction with {len(proved.facts)} facts", invariant)
