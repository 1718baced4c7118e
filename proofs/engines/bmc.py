"""Bounded model checking: the shortest executions that reach what is looked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import z3

from proofs.engines.encoding import Encoding
from proofs.engines.goals import Goal
from proofs.engines.outcome import Bounded, Cube, Found, Unknown
from proofs.engines.predicates import Instance

Answer = Found | Bounded | Unknown


class BoundedModelChecker:
    """Unrolls a relation step by step and looks for several goals at once.

    The relation is total by idle steps, so that a goal is reached after exactly n steps, idle ones included, if it
    is within n. The answers are shortest because every smaller number of steps has been refuted before.
    """

    def __init__(
        self, encoding: Encoding, goals: Sequence[Goal], invariant: Iterable[Cube] = (), seed: int = 0, budget: int = 0
    ):
        """`invariant` are sets of states known to be unreachable; `budget` bounds each query (z3's rlimit, 0: none)."""
        self._encoding = encoding
        self._goals = goals
        self._invariant = z3.And(*[z3.Not(encoding.cube(cube)) for cube in invariant])
        self._solver = z3.SolverFor("QF_FD")
        self._solver.set("random_seed", seed)
        if budget:
            self._solver.set("rlimit", budget)
        self._solver.add(encoding.at(encoding.initial, 0))

    def run(self, depth: int) -> list[Answer]:
        """For each goal, a shortest execution of at most `depth` steps, if there is one."""
        answers: dict[int, Answer] = {}
        for steps in range(depth + 1):
            if steps:
                self._unroll(steps)
            self._look(steps, answers)
            if len(answers) == len(self._goals):
                break
        return [answers.get(number, Bounded(depth)) for number in range(len(self._goals))]

    def _unroll(self, steps: int) -> None:
        encoding = self._encoding
        self._solver.add(encoding.at(encoding.transition, steps - 1), encoding.at(self._invariant, steps))

    def _look(self, steps: int, answers: dict[int, Answer]) -> None:
        """Answer the goals that are reached after so many steps, or all of them if the solver gives up."""
        cases = self._cases(steps, answers)
        while cases:
            any_case = z3.Bool(f"goal@{steps}.{len(answers)}")
            self._solver.add(z3.Implies(any_case, z3.Or(*[literal for _, _, literal in cases])))
            result = self._solver.check(any_case)
            if result == z3.unsat:
                self._solver.add(*[z3.Not(literal) for _, _, literal in cases])
                return
            if result == z3.unknown:
                reason = f"{self._solver.reason_unknown()} at {steps} steps"
                answers.update({goal: Unknown(reason) for goal, _, _ in cases})
                return
            model = self._solver.model()
            trace = self._encoding.steps(model, steps)
            for goal, instance, literal in cases:
                if z3.is_true(model.eval(literal, model_completion=True)):
                    answers.setdefault(goal, Found(trace, instance))
            cases = [case for case in cases if case[0] not in answers]

    def _cases(self, steps: int, answers: dict[int, Answer]) -> list[tuple[int, Instance, z3.BoolRef]]:
        """The cases of the open goals, each with a literal that says that it is there after so many steps."""
        cases = []
        for of_steps, frame in ((False, steps), (True, steps - 1)):
            definitions = []
            for number, goal in enumerate(self._goals):
                if goal.of_steps == of_steps and number not in answers and frame >= 0:
                    for place, (instance, formula) in enumerate(goal.cases):
                        literal = z3.Bool(f"case{number}.{place}@{steps}")
                        definitions.append(literal == formula)
                        cases.append((number, instance, literal))
            self._solver.add(self._encoding.at(z3.And(*definitions), frame))
        return cases
