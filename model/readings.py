"""The two readings of the operations: concretely, on Python values, and symbolically, by forking.

This is the one place where the readings live; see docs/architecture.md, "One text, two readings".
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

from model.machine import NULL, Handle, Labels, Machine, Suspend
from model.variables import Layout


class Concrete(Machine):
    """The concrete reading: reads yield the values of a state, writes change it in place."""

    def __init__(self, layout: Layout, assertions: bool = True):
        super().__init__(layout, assertions)
        self._decode, self._encode = _tables(self)
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

    def join(self) -> None:
        """There is one path only."""


class Symbolic(Machine):
    """The symbolic reading: reads yield lazy values, and a branch on one forks.

    A run follows a script of answers to the questions that its branches ask ("is this variable among these
    values?"), then answers Yes to every further question; `questions` and `answers` say what was asked. What
    is known of each variable is a bit mask of its possible values, so no question is asked whose answer
    follows from earlier ones.
    """

    def __init__(self, layout: Layout, assertions: bool = True):
        super().__init__(layout, assertions)
        self._decode, self._encode = _tables(self)
        self._same_domain = [hash(variable.domain) for variable in layout.variables]
        self.consulted: set[int] = set()
        """The variables whose possible values made a difference to a run; never forgotten by `begin`."""

    def begin(self, known: list[int], cpu: int, script: Sequence[bool], stops: int, keep_writes: bool) -> None:
        """Start an operation of a CPU; `known` is the mask of values that each variable can have.

        The script leads through `stops` windows and joins.  At each of them what was learnt about the state
        is forgotten, and at windows so is what was written, unless `keep_writes`.
        """
        self._base = known
        self.known = list(known)
        self.cpu = self.cpus[cpu]
        self.labels = Labels()
        self.held = []
        self.writes: dict[int, int | Lazy] = {}
        self.questions: list[tuple[int, int]] = []
        self.answers: list[bool] = []
        self._script = script
        self._stops = stops
        self._keep_writes = keep_writes
        self.passed_stops = 0

    def get(self, variable: int) -> Any:
        written = self.writes.get(variable)
        if written is not None:
            return self.decode(variable, written) if isinstance(written, int) else written
        self.consulted.add(variable)
        known = self.known[variable]
        if known & (known - 1) == 0:
            return self.decode(variable, known.bit_length() - 1)
        return Lazy(self, variable)

    def set(self, variable: int, value: Any) -> None:
        if isinstance(value, Lazy):
            if not value.is_resolved and self._same_domain[value.variable] == self._same_domain[variable]:
                self.writes[variable] = value
                return
            value = value.resolve()
        self.writes[variable] = self._encode[variable][value]

    def satisfies(self, handle: Handle, name: str, predicate: Callable[[Any], bool]) -> bool:
        value = getattr(handle, name)
        if not isinstance(value, Lazy) or value.is_resolved:
            return predicate(value.resolve() if isinstance(value, Lazy) else value)
        decoded = self._decode[value.variable]
        base = self._base[value.variable]
        mask = sum(1 << i for i in range(len(decoded)) if base >> i & 1 and predicate(decoded[i]))
        return self.test(value.variable, mask)

    def test(self, variable: int, mask: int) -> bool:
        """Whether the variable's value is in the mask: known already, in the script, or a fork."""
        known = self.known[variable]
        if known & mask == known:
            return True
        if known & mask == 0:
            return False
        position = len(self.answers)
        answer = self._script[position] if position < len(self._script) else True
        self.questions.append((variable, mask & self._base[variable]))
        self.answers.append(answer)
        self.known[variable] = known & mask if answer else known & ~mask
        return answer

    def window(self, name: str) -> None:
        """Suspend here, or pass on if the script leads through this window.

        What other CPUs may change is read before: local variables keep the values they have.
        """
        if not self._keep_writes:
            for frame in operation_frames(sys._getframe(1)):
                for _, value in sorted(frame.f_locals.items()):
                    if isinstance(value, Lazy):
                        value.resolve()
        self._stop(name)
        if not self._keep_writes:
            self.writes.clear()
            self.labels = Labels()

    def join(self) -> None:
        """Stop here, for paths that agree to go on as one, or pass on if the script leads through this join."""
        self._stop("")

    def _stop(self, name: str) -> None:
        if self.passed_stops == self._stops:
            raise Suspend(name, operation_frames(sys._getframe(2)))
        self.passed_stops += 1
        self.known = list(self._base)

    def decode(self, variable: int, position: int) -> Any:
        """The value at a position of a variable's domain, handles for keys; a number for a continuation."""
        values = self._decode[variable]
        return values[position] if position < len(values) else position

    def encode(self, variable: int, value: Any) -> int | None:
        """The position of a value in a variable's domain, None if it is not one of its values."""
        return self._encode[variable].get(value)


class Lazy:
    """A value that is not known yet: the one a state variable had when the section began."""

    __slots__ = ("_reading", "_value", "is_resolved", "variable")

    def __init__(self, reading: Symbolic, variable: int):
        object.__setattr__(self, "_reading", reading)
        object.__setattr__(self, "variable", variable)
        object.__setattr__(self, "is_resolved", False)

    def resolve(self) -> Any:
        """The value itself, asking for it value by value."""
        if not self.is_resolved:
            reading, variable = self._reading, self.variable
            known = reading.known[variable]
            while known & (known - 1):
                reading.test(variable, known & -known)
                known = reading.known[variable]
            object.__setattr__(self, "_value", reading.decode(variable, known.bit_length() - 1))
            object.__setattr__(self, "is_resolved", True)
        return self._value

    def __eq__(self, other: object) -> bool:
        if self.is_resolved:
            return bool(self._value == other)
        if isinstance(other, Lazy):
            other = other.resolve()
        position = self._reading.encode(self.variable, other)
        return position is not None and self._reading.test(self.variable, 1 << position)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __bool__(self) -> bool:
        return self == True  # noqa: E712 - asks the question

    def __hash__(self) -> int:
        return hash(self.resolve())

    def __int__(self) -> int:
        return int(self.resolve())

    def __iter__(self) -> Iterator[Any]:
        return iter(self.resolve())

    def __contains__(self, item: object) -> bool:
        return item in self.resolve()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.resolve(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.resolve(), name, value)


def operation_frames(frame: FrameType | None) -> list[FrameType]:
    """The frames of the operation that is being executed, innermost first."""
    found = []
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith("model.operations.") or module == "model.system":
            found.append(frame)
        frame = frame.f_back
    return found


def _tables(machine: Machine) -> tuple[list[tuple[Any, ...]], list[dict[Any, int]]]:
    """For each variable: its values by position (handles for keys, NULL for None), and positions by value."""
    decode = [
        tuple(NULL if value is None else machine.handles.get(value, value) for value in variable.domain)
        for variable in machine.layout.variables
    ]
    return decode, [{value: position for position, value in enumerate(values)} for values in decode]
