"""Executing a scenario: with the concrete reading, step by step, and then with the symbolic one, which must agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from model.diagram import Leaf
from model.environment import Action, Assumptions
from model.exploration import Explorer, Granularity, initial_masks
from model.machine import Labels, Outcome
from model.simulation import Executed, Simulation
from model.variables import Key, Layout, cpu_key
from proofs.engines.successors import Successors
from proofs.scenarios.format import NONE, Scenario, named_variables
from proofs.scenarios.steps import CpuOn, Load, MsgWait, Step
from proofs.traces.values import field_text
from proofs.traces.words import actor_text, call_text

ASSUMPTIONS = Assumptions()
"""A scenario says itself what its environment does."""


class ReadingsDisagree(RuntimeError):
    """The symbolic reading does not do what the concrete one does: an internal error, never a deviation."""


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was executed.

    `number` is its place in the file, 0 if it is part of the boot. `reply` is what the caller goes on with, `runs`
    who executes next, and `sees` what that vCPU then finds in its registers.
    """

    number: int
    action: Action
    executed: Executed
    reply: str
    runs: str
    sees: str

    def __str__(self) -> str:
        outcome, where = self.executed.outcome, self.executed.where
        if outcome is not Outcome.RETURN:
            end = f"{outcome.value.upper()} at {where}" if where else f"{outcome.value.upper()}, nothing happens"
        else:
            sees = "" if self.sees == NONE else f", sees {self.sees}"
            runs = "no one" if self.runs == NONE else self.runs
            end = f"{runs} runs{sees}" if self.reply == NONE else self.reply
        refused = (f"refused: {text}" for text in self.executed.labels.refused)
        start = f"{actor_text(self.action, True)}: {call_text(self.action, True)} -> {end}"
        return " | ".join((start, *refused))


@dataclass(frozen=True, slots=True)
class Deviation:
    """What the last step that was executed did otherwise than expected."""

    what: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class Execution:
    """The steps up to the end, or up to the first that deviates."""

    steps: tuple[Done, ...]
    deviation: Deviation | None


def execute(scenario: Scenario) -> Execution:
    """Execute a scenario up to its end or its first deviation.  Raises ReadingsDisagree."""
    run = Run(scenario.layout, Simulation(scenario.layout, ASSUMPTIONS, stop_at_windows=False))
    steps: list[Done] = []
    deviation = None
    for number, step in run.plan(scenario):
        steps.append(run.take(number, step))
        deviation = next(run.deviations(step, steps[-1]), None)
        if deviation is not None:
            break
    _check_symbolic_reading(scenario.layout, run.history)
    return Execution(tuple(steps), deviation)


class Stepper(Protocol):
    """Executes whole operations: a simulation, or an exploration that goes through all windows of each."""

    @property
    def state(self) -> tuple[int, ...]:
        """Where it stands."""

    def step(self, action: Action) -> Executed:
        """Let an action happen from start to end, or say that it cannot."""


class Run:
    """A run of the concrete reading; `history` is everything that happened, saves of registers included."""

    def __init__(self, layout: Layout, stepper: Stepper):
        self._layout = layout
        self._variables = named_variables(layout)
        self._stepper = stepper
        self.history: list[tuple[Action, Executed]] = []

    def plan(self, scenario: Scenario) -> Iterator[tuple[int, Step]]:
        """The steps to take: those of the boot, in which every SP answers FFA_MSG_WAIT, then those of the file."""
        if scenario.booted:
            yield 0, Load(cpu=0)
        for cpu in scenario.booted:
            yield 0, CpuOn(cpu=cpu)
            while not self._is_in_normal_world(cpu):
                yield 0, MsgWait(cpu=cpu)
        yield from enumerate(scenario.steps, 1)

    def take(self, number: int, step: Step) -> Done:
        """Take a step, and save the registers of the vCPU that it switches from unless the step says otherwise."""
        actor = None if step.by is None else self._vcpu(step.cpu, step.by)
        action = step.action(actor)
        if actor is None and step.by is not None:
            executed = Executed(Outcome.DISABLED, "", "", None, Labels(), self._stepper.state)
        else:
            executed = self._step(action)
        current = self._vcpu(step.cpu, "current")
        goes_on = actor is None or actor != self._vcpu(step.cpu, "saving")
        sees = [value for key, value in executed.labels.delivered if key == current]
        if executed.outcome is Outcome.RETURN and step.save == "implicit":
            self._save(step.cpu)
        return Done(
            number,
            action,
            executed,
            reply=_text(executed.reply if goes_on else None),
            runs=_text(current),
            sees=_text(sees[-1] if sees else None),
        )

    def deviations(self, step: Step, done: Done) -> Iterator[Deviation]:
        """Everything that the step just taken did otherwise than expected."""
        refused = None if step.refused is None else ", ".join(step.refused) or NONE
        state = self._stepper.state
        rows = [
            ("outcome", step.outcome, done.executed.outcome.value),
            ("where", step.where, done.executed.where),
            ("reply", step.reply, done.reply),
            ("runs", step.runs, done.runs),
            ("sees", step.sees, done.sees),
            ("refused", refused, ", ".join(done.executed.labels.refused) or NONE),
        ]
        for owner, wanted in step.state.items():
            for field, value in wanted.items():
                variable = self._variables[owner, field]
                rows.append((f"{owner} {field}", value, field_text(variable, state[variable.index])))
        for what, expected, actual in rows:
            if expected is not None and expected != actual:
                yield Deviation(what, expected, actual)

    def _save(self, cpu: int) -> None:
        saving = self._vcpu(cpu, "saving")
        if saving is not None:
            self._step(Action("api_regs_state_saved", cpu, saving))

    def _step(self, action: Action) -> Executed:
        executed = self._stepper.step(action)
        self.history.append((action, executed))
        return executed

    def _vcpu(self, cpu: int, field: str) -> Key | None:
        vcpu = self._layout.value(self._stepper.state, cpu_key(cpu), field)
        assert vcpu is None or isinstance(vcpu, Key)
        return vcpu

    def _is_in_normal_world(self, cpu: int) -> bool:
        current = self._vcpu(cpu, "current")
        return current is not None and current.first == 0


def _text(value: object) -> str:
    return NONE if value is None else str(value)


def _check_symbolic_reading(layout: Layout, history: list[tuple[Action, Executed]]) -> None:
    """Walk the diagrams of the actions that happened, explored for every value met.  Raises ReadingsDisagree."""
    known = initial_masks(layout)
    for _, executed in history:
        known = [mask | 1 << position for mask, position in zip(known, executed.state, strict=True)]
    possible = tuple(dict.fromkeys(action for action, _ in history))
    successors = Successors(Explorer(layout, ASSUMPTIONS, Granularity.HANDLER, known).explore(possible))
    state = successors.initial()
    for number, (action, executed) in enumerate(history, 1):
        found = (leaf for choice, leaf in successors.steps(state) if choice.action == action)
        leaf = next(found, Leaf((), Outcome.DISABLED))
        state = successors.after(state, leaf)
        labels = executed.labels
        shown = tuple(labels.delivered), tuple(labels.events), tuple(labels.refused)
        concrete = (executed.outcome, executed.where, executed.reply, *shown, executed.state)
        symbolic = (leaf.outcome, leaf.where, leaf.reply, leaf.delivered, leaf.events, leaf.refused, tuple(state))
        if symbolic != concrete:
            raise ReadingsDisagree(f"the readings disagree on step {number} of the execution, {action}")
