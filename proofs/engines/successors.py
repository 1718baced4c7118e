"""The steps that a relation allows from a concrete state, found by walking its diagrams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from model.diagram import Copy, Diagram, Leaf, leaf_for
from model.environment import Action
from model.exploration import Relation
from model.machine import Outcome

State = bytes | tuple[int, ...]
"""A state: the position of each variable's value in its domain."""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One thing a CPU can do next: start an action, or go on after a window."""

    action: Action
    section: int
    """0: the action starts; otherwise the continuation's number."""
    window: str
    diagram: Diagram

    def __str__(self) -> str:
        return f"{self.action} after {self.window}" if self.section else str(self.action)


class Successors:
    """The successor function of a relation."""

    def __init__(self, relation: Relation):
        self.relation = relation
        self._pack = bytes if len(relation.continuations) < 256 else tuple
        self._cpus = [
            tuple(relation.layout.by_name[key, name].index for name in ("section", "saving", "current"))
            for key in relation.layout.cpu_keys
        ]
        self._choices: dict[tuple[int, int, int, int], tuple[Choice, ...]] = {}

    def initial(self) -> State:
        """The state before anything was loaded."""
        return self._pack(self.relation.layout.initial())

    def choices(self, state: State) -> Iterator[Choice]:
        """What each CPU may try in a state; some of it will turn out to be impossible."""
        for cpu, (section, saving, current) in enumerate(self._cpus):
            key = (cpu, state[section], state[saving], state[current])
            found = self._choices.get(key)
            if found is None:
                found = self._choices[key] = self._choices_of(*key)
            yield from found

    def steps(self, state: State) -> Iterator[tuple[Choice, Leaf]]:
        """Every step from a state, failing ones included."""
        for choice in self.choices(state):
            leaf = leaf_for(choice.diagram, state)  # type: ignore[arg-type]
            if leaf.outcome is not Outcome.DISABLED and leaf.outcome is not Outcome.BLOCKED:
                yield choice, leaf

    def after(self, state: State, leaf: Leaf) -> State:
        """The state that a step leads to."""
        values = list(state)
        for variable, written in leaf.writes:
            values[variable] = state[written.variable] if isinstance(written, Copy) else written
        return self._pack(values)

    def _choices_of(self, cpu: int, section: int, saving: int, current: int) -> tuple[Choice, ...]:
        if section:
            continuation, diagram = self.relation.continuations[section - 1]
            return (Choice(continuation.action, section, continuation.window, diagram),)
        domain = self.relation.layout.variables[self._cpus[cpu][2]].domain
        saved = domain[saving]
        actor = saved if saved is not None else domain[current]
        return tuple(
            Choice(action, 0, "", diagram)
            for action, diagram in self.relation.first
            if action.cpu == cpu
            and action.actor == actor
            and (action.operation == "api_regs_state_saved") == (saved is not None)
        )
