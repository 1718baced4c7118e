"""Executing actions one after the other with the concrete reading, windows included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from model.environment import Action, Assumptions
from model.machine import Halt, Labels, Outcome, Suspend
from model.readings import Concrete, operation_frames
from model.system import perform
from model.values import FfaValue
from model.variables import Layout, cpu_key


@dataclass(slots=True)
class Suspended:
    """An action that stopped at a window: the values it has read so far, and the windows it has passed."""

    action: Action
    window: str
    values: list[Any] = field(default_factory=list)
    windows: int = 0


@dataclass(frozen=True, slots=True)
class Executed:
    """What one step did: how it ended, what it showed, and the state afterwards."""

    outcome: Outcome
    where: str
    window: str
    reply: FfaValue | None
    labels: Labels
    state: tuple[int, ...]


class _Recording(Concrete):
    """A concrete machine whose operations can be stopped at windows and gone on with.

    Going on means to run the operation anew: up to the window it reads the values that it read then, and
    what it writes is dropped.
    """

    def resume(self, suspended: Suspended, stop_at_windows: bool) -> None:
        """Prepare to run an action from where it stopped (a new one: from its start)."""
        self._values = suspended.values
        self._position = 0
        self._windows = suspended.windows
        self._passed = 0
        self._stop = stop_at_windows

    @property
    def _live(self) -> bool:
        return self._passed == self._windows

    def get(self, variable: int) -> Any:
        if self._live:
            self._values.append(super().get(variable))
            self._position = len(self._values)
            return self._values[-1]
        self._position += 1
        return self._values[self._position - 1]

    def set(self, variable: int, value: Any) -> None:
        if self._live:
            super().set(variable, value)

    def window(self, name: str) -> None:
        if not self._stop:
            return
        if self._live:
            raise Suspend(name, operation_frames(None))
        self._passed += 1
        if self._live:
            self.labels = Labels()


class Simulation:
    """A system that is executed step by step; `state` is where it stands, `suspended` what is in progress."""

    def __init__(self, layout: Layout, assume: Assumptions, stop_at_windows: bool, assertions: bool = True):
        self.layout = layout
        self._assume = assume
        self._stop_at_windows = stop_at_windows
        self._machine = _Recording(layout, assertions)
        self.state: tuple[int, ...] = tuple(layout.initial())
        self.suspended: dict[int, Suspended] = {}

    def step(self, action: Action, watch: Callable[[Callable[[], Any]], Any] = lambda run: run()) -> Executed:
        """Let an action happen, or go on with the one its CPU is executing; `watch` runs it.

        Raises ValueError if the CPU is executing another action.
        """
        in_progress = self.suspended.get(action.cpu) or Suspended(action, "")
        if in_progress.action != action:
            raise ValueError(f"CPU{action.cpu} is executing {in_progress.action}")
        m = self._machine
        state = list(self.state)
        read = len(in_progress.values)
        m.begin(state, action.cpu)
        m.resume(in_progress, self._stop_at_windows)
        outcome, where, reply, window = Outcome.RETURN, "", None, in_progress.window
        try:
            reply = watch(lambda: perform(m, action, self._assume))
        except Halt as halt:
            outcome, where = halt.outcome, halt.where
        except Suspend as suspend:
            outcome, where = Outcome.SUSPENDED, suspend.window
        if outcome in (Outcome.DISABLED, Outcome.BLOCKED):
            del in_progress.values[read:]
            return Executed(outcome, where, window, None, Labels(), self.state)
        section = self.layout.by_name[cpu_key(action.cpu), "section"].index
        state[section] = int(outcome is Outcome.SUSPENDED)
        self.state = tuple(state)
        self.suspended.pop(action.cpu, None)
        if outcome is Outcome.SUSPENDED:
            in_progress.window = where
            in_progress.windows += 1
            self.suspended[action.cpu] = in_progress
        return Executed(outcome, where, window, reply, m.labels, self.state)
