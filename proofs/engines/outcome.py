"""What the symbolic engines answer."""

from __future__ import annotations

from dataclasses import dataclass

from model.environment import Action
from model.exploration import Section
from proofs.engines.predicates import Instance

Cube = tuple[tuple[int, int], ...]
"""Some variables, each with a bit mask of values: the states in which each has one of its values."""


@dataclass(frozen=True, slots=True)
class StepChoice:
    """One step of a trace: the action that starts, or the section that goes on after a window."""

    what: Action | Section
    first: bool

    @property
    def action(self) -> Action:
        """The action that starts or goes on."""
        return self.what if isinstance(self.what, Action) else self.what.action

    def __str__(self) -> str:
        return str(self.what)


@dataclass(frozen=True, slots=True)
class Found:
    """What was looked for, reached from the initial state by these steps; no execution is shorter."""

    steps: tuple[StepChoice, ...]
    instance: Instance


@dataclass(frozen=True, slots=True)
class Bounded:
    """What was looked for is not reached within this many steps."""

    depth: int


@dataclass(frozen=True, slots=True)
class Proved:
    """A property holds in every execution.

    No reachable state is in a cube of `invariant`, which is inductive. Of these `facts`, and of the `lemmas`
    (properties proved before or together with this one), it follows that the property holds if it held in the
    `depth` - 1 steps before. Without facts and lemmas, the relation alone implies the property.
    """

    depth: int
    invariant: tuple[Cube, ...]
    facts: tuple[Cube, ...]
    lemmas: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Undecided:
    """Induction does not decide: from the state `hint`, which it cannot exclude, the property breaks."""

    hint: tuple[int, ...]
    instance: Instance


@dataclass(frozen=True, slots=True)
class Unknown:
    """The solver gave up."""

    reason: str
