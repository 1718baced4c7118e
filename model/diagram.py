"""Decision diagrams: the paths of an operation, shared where they agree.

An inner node asks whether a variable's value is among some values; a leaf says what the section does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from model.machine import Outcome
from model.values import FfaValue
from model.variables import Key


@dataclass(frozen=True, slots=True)
class Copy:
    """A written value that is the value of another variable before the section."""

    variable: int


Write = tuple[int, int | Copy]
"""A variable and what is written to it: the position of a value, or a copy."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """The end of a path: what it writes, how it ends, what it shows.

    `section` is the continuation to resume at, of an operation that is suspended at a window.
    """

    writes: tuple[Write, ...]
    outcome: Outcome
    where: str = ""
    reply: FfaValue | None = None
    delivered: tuple[tuple[Key, FfaValue], ...] = ()
    events: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    section: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A question: is the value of `variable` in `mask`?  Nodes of one Diagrams are equal iff identical."""

    variable: int
    mask: int
    high: Node | Leaf
    low: Node | Leaf


Diagram = Node | Leaf


class Diagrams:
    """A store of shared nodes and leaves."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[int, int, int, int], Node] = {}
        self._leaves: dict[Leaf, Leaf] = {}

    def node(self, variable: int, mask: int, high: Diagram, low: Diagram) -> Diagram:
        """The node that asks a question; just the answer, if both answers are the same."""
        if high is low:
            return high
        key = (variable, mask, id(high), id(low))
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = Node(variable, mask, high, low)
        return found

    def leaf(self, leaf: Leaf) -> Leaf:
        """The one stored leaf that is equal to this one."""
        return self._leaves.setdefault(leaf, leaf)

    def __len__(self) -> int:
        return len(self._nodes)


def leaf_for(diagram: Diagram, state: bytes | list[int]) -> Leaf:
    """The leaf that a state leads to."""
    while isinstance(diagram, Node):
        diagram = diagram.high if diagram.mask >> state[diagram.variable] & 1 else diagram.low
    return diagram


def leaves(diagram: Diagram) -> Iterator[Leaf]:
    """Every leaf of a diagram, once."""
    seen: set[int] = set()
    stack = [diagram]
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Leaf):
            yield item
        else:
            stack += (item.high, item.low)
