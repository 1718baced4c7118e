"""Which lines of the C executions pass, and where in it they write lifecycle state.

An explicit search finds the ways through every action that executions can take; the last step of a shortest
execution for each of them is replayed by the concrete reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from model.diagram import Diagram, Leaf, Node
from model.environment import Action, Assumptions
from model.exploration import build_relation
from model.machine import Halt, Outcome
from model.readings import Concrete
from model.source import Location
from model.system import perform
from model.topology import BUILT_IN, Topology
from model.tracing import Event, Step, follow
from model.variables import Layout
from proofs.engines.successors import State, Successors

MOST_STATES: Final = 8000
"""How many states a search visits; more of them change nothing in the tables."""
QUIET: Final = Assumptions().without("secure_interrupts", "sp_requests", "sp_runs", "sp_yields")

SEARCHES: Final = (
    (BUILT_IN["1x2"], Assumptions(load_failures=True)),
    (BUILT_IN["1x2-signalled"], Assumptions()),
    (BUILT_IN["2x1-up"], Assumptions()),
    (BUILT_IN["2x1-mp"], Assumptions(cpu_off_refused=True)),
    (BUILT_IN["2x2-mp"], QUIET),
    (BUILT_IN["hypervisor-2x1"], Assumptions()),
)
"""Small systems whose executions, taken together, pass everything that the tables list."""


@dataclass(frozen=True, slots=True)
class Write:
    """A lifecycle state that was written, and the lines that were active then, callers' first."""

    kind: str
    value: str
    during: tuple[Location, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A line that was passed, after which window, and which states it or what it called read."""

    window: str
    location: Location
    reads: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LastStep:
    """The last step of an execution: how it ended, what it passed, and what it wrote."""

    topology: str
    length: int
    action: Action
    outcome: Outcome
    where: str
    passed: tuple[Passage, ...]
    writes: tuple[Write, ...]


@cache
def all_last_steps() -> tuple[LastStep, ...]:
    """The last steps that the searches find, shortest executions first."""
    found = [step for topology, assume in SEARCHES for step in last_steps(topology, assume, MOST_STATES)]
    return tuple(sorted(found, key=lambda step: step.length))


def last_steps(topology: Topology, assume: Assumptions, most_states: int) -> Iterator[LastStep]:
    """A shortest execution's last step for each way through an action, as far as `most_states` states lead."""
    successors = Successors(build_relation(topology, assume))
    recorder = _Recorder(successors.relation.layout)
    ways: set[tuple[Action, int]] = set()
    states = [successors.initial()]
    lengths: dict[State, int] = {states[0]: 0}
    for state in states:
        length = lengths[state] + 1
        for choice in successors.choices(state):
            leaf, way = _walk(choice.diagram, state)
            if leaf.outcome in (Outcome.DISABLED, Outcome.BLOCKED):
                continue
            if (choice.action, way) not in ways:
                ways.add((choice.action, way))
                yield recorder.replay(state, choice.action, assume, length)
            if leaf.outcome.is_failure or leaf.outcome is Outcome.RESET or len(states) >= most_states:
                continue
            after = successors.after(state, leaf)
            if after not in lengths:
                lengths[after] = length
                states.append(after)


def _walk(diagram: Diagram, state: State) -> tuple[Leaf, int]:
    """The leaf that a state leads to, and the answers given on the way, as the bits of a number."""
    way = 1
    while isinstance(diagram, Node):
        answer = diagram.mask >> state[diagram.variable] & 1
        way = way << 1 | answer
        diagram = diagram.high if answer else diagram.low
    return diagram, way


class _Recorder(Concrete):
    """A concrete machine that notes the lines it passes, by section, and the lifecycle state it writes."""

    def __init__(self, layout: Layout):
        super().__init__(layout)
        self._lifecycle = {v.index: v.owner.kind for v in layout.variables if v.field == "state"}
        self._window = ""
        self._passed: list[Passage] = []
        self._writes: list[Write] = []
        self._lines: list[int | None] = []

    def replay(self, state: State, action: Action, assume: Assumptions, length: int) -> LastStep:
        """Let an action happen in a state, as the last of `length` steps."""
        self._window, self._passed, self._writes, self._lines = "", [], [], []
        self.begin(list(state), action.cpu)
        outcome, where = Outcome.RETURN, ""
        try:
            follow(lambda: perform(self, action, assume), self._visit)
        except Halt as halt:
            outcome, where = halt.outcome, halt.where
        passed = tuple(dict.fromkeys(self._passed))
        return LastStep(self.topology.name, length, action, outcome, where, passed, tuple(self._writes))

    def get(self, variable: int) -> Any:
        value = super().get(variable)
        if kind := self._lifecycle.get(variable):
            for position in self._active:
                passage = self._passed[position]
                self._passed[position] = replace(passage, reads=passage.reads | {f"{kind} {value.value}"})
        return value

    def set(self, variable: int, value: Any) -> None:
        if kind := self._lifecycle.get(variable):
            during = tuple(self._passed[position].location for position in self._active)
            self._writes.append(Write(kind, value.value, during))
        super().set(variable, value)

    def window(self, name: str) -> None:
        self._window = name

    def _visit(self, step: Step) -> None:
        if step.location is not None:
            self._lines[-1] = len(self._passed)
            self._passed.append(Passage(self._window, step.location))
        elif step.event is Event.ENTERED:
            self._lines.append(None)
        else:
            self._lines.pop()

    @property
    def _active(self) -> list[int]:
        """Where in `_passed` the lines are that are being executed, callers first."""
        return [position for position in self._lines if position is not None]
