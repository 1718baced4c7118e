"""The two readings of the operations: concretely, on Python values, and symbolically, by forking.

This is the one place where the readings live; see docs/architecture.md, "One text, two readings".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from model.machine import NULL, Handle, Labels, Machine, Suspend
from model.variables import Layout


class Concrete(Machine):
    """The concrete reading: reads yield the values of a state, writes change it in place."""

    def __init__(self, layout: Layout, assertions: bool = True):
        super().__init__(layout, assertions)
        self._decode = [
            tuple(NULL if value is None else self.handles.get(value, value) for value in variable.domain)
            for variable in layout.variables
        ]
        self._encode = [
            {value: position for position, value in enumerate(decoded)} for decoded in self._decode
        ]
        self.state: list[int] = layout.initial()

    def begin(self, state: list[int], cpu: int) -> None:
        """Start an operation of a CPU in a state, which the operation will change."""
        self.state = state
        self.cpu = self.cpus[cpu]
        self.labels = Labels()
        self.held = []

    def get(self, variable: int) -> Any:
        return self._decode[variable][self.state[variable]]

    def set(self, variable: int, value: Any) -> None:
        self.state[variable] = self._encode[variable][value]

    def satisfies(self, handle: Handle, name: str, predicate: Callable[[Any], bool]) -> bool:
        return predicate(getattr(handle, name))

    def window(self, name: str) -> None:
        """At handler granularity, windows are nothing."""
