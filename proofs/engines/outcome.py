"""What an engine answers, and the choices that make up a trace."""

from __future__ import annotations

from dataclasses import dataclass

from model.environment import Action
from model.exploration import Section
from proofs.engines.predicates import Instance

Cube = tuple[tuple[int, int], ...]
"""Some variables, each with the position of a value: the states that have them all."""


@dataclass(frozen=True, slots=True)
class StepChoice:
    """One step of a trace: the action that starts, or the section that goes on after a window."""

    what: Action | Section
    first: bool

    def __str__(self) -> str:
        return str(self.what)


@dataclass(frozen=True, slots=True)
class Found:
    """What was looked for, reached from the initial state by these steps; none is shorter."""

    steps: tuple[StepChoice, ...]
    instance: Instance


@dataclass(frozen=True, slots=True)
class Bounded:
    """What was looked for is not reached within this many steps."""

    depth: int


@dataclass(frozen=True, slots=True)
class Proved:
    """A property holds at any depth.

    `invariant` lists the sets of states that are never entered: with the property they are inductive for
    paths of `depth` steps.
    """

    depth: int
    invariant: tuple[Cube, ...]


@dataclass(frozen=True, slots=True)
class NotProved:
    """Induction does not decide: from this state, which it cannot exclude, the property's violation follows."""

    hint: tuple[int, ...]
    instance: Instance


@dataclass(frozen=True, slots=True)
class Unknown:
    """The solver gave up."""

    reason: str
