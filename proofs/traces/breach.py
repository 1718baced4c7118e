"""Where a property breaks: which part of it is false, and the values it read that make it so."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from model.readings import Concrete
from model.variables import Key, Layout
from proofs.traces.path import c_words
from proofs.traces.values import field_text, object_text
from properties.language import Kind, Property, StepLabel

State = tuple[int, ...]
Span = tuple[int, int, int, int]
"""First line, last line, first column, last column."""


@dataclass(frozen=True, slots=True)
class Read:
    """A field that the property read, and its value; `when` is `before` or `after` the step, or empty."""

    object: Key
    field: str
    value: str
    when: str

    def __str__(self) -> str:
        when = f" {self.when} the step" if self.when else ""
        return f"{object_text(self.object)} {self.field} = {self.value}{when}"


@dataclass(frozen=True, slots=True)
class Breach:
    """Why a property is false: the part that is, and what was read, in order."""

    conjunct: str
    reads: tuple[Read, ...]


class _Watched(Concrete):
    """A concrete machine that notes what is read."""

    def __init__(self, layout: Layout, state: State, when: str, reads: dict[Read, None]):
        super().__init__(layout)
        self.begin(list(state), 0)
        self._when = when
        self._reads = reads

    def get(self, variable: int) -> Any:
        read = self.layout.variables[variable]
        text = field_text(read, self.state[variable])
        self._reads[Read(read.owner, read.field, text, self._when)] = None
        return super().get(variable)


def find_breach(
    item: Property, objects: tuple[Key, ...], layout: Layout, before: State, after: State, label: StepLabel | None
) -> Breach | None:
    """Why a property is false in a state, or of the step between two states; None if it holds."""
    reads: dict[Read, None] = {}
    if item.kind in (Kind.ALWAYS, Kind.RECOVERABLE):
        m = _Watched(layout, after, "", reads)
        arguments = [m, *(m.handles[key] for key in objects)]
    else:
        machines = [_Watched(layout, before, "before", reads), _Watched(layout, after, "after", reads)]
        arguments = [label, *machines, *(m.handles[key] for key in objects for m in machines)]
    holds, conjunct = _evaluate(item.holds, arguments)
    return None if holds else Breach(conjunct, tuple(reads))


def _evaluate(predicate: Callable[..., bool], arguments: list[Any]) -> tuple[bool, str]:
    """Whether a predicate is true, and the part of it that was evaluated last."""
    code: CodeType | None = getattr(predicate, "__code__", None)
    visited: list[int] = []

    def on_call(frame: FrameType, event: str, argument: Any) -> Callable[[FrameType, str, Any], Any] | None:
        if frame.f_code is not code:
            return None
        frame.f_trace_opcodes = True
        return on_event

    def on_event(frame: FrameType, event: str, argument: Any) -> Callable[[FrameType, str, Any], Any]:
        if event == "opcode":
            visited.append(frame.f_lasti)
        return on_event

    outer = sys.gettrace()
    sys.settrace(on_call)
    try:
        holds = bool(predicate(*arguments))
    finally:
        sys.settrace(outer)
    return holds, "" if holds or code is None else _last_part(code, visited)


def _last_part(code: CodeType, visited: list[int]) -> str:
    """The conjunct that was evaluated last, in the source of a predicate; empty if there is no source."""
    positions = list(code.co_positions())
    spans = [
        (first, last, low, high)
        for first, last, low, high in (positions[offset // 2] for offset in reversed(visited))
        if first is not None and last is not None and low is not None and high is not None
    ]
    if not Path(code.co_filename).is_file():
        return ""
    results = list(_results(code.co_filename))
    value = next((value for span in spans for value in results if _contains(value, span)), None)
    return "" if value is None else c_words(ast.unparse(_false_conjunct(value, spans)))


def _results(filename: str) -> Iterator[ast.expr]:
    """The expressions that functions of a file return, those of inner functions first."""
    nodes = [node for node in ast.walk(_parsed(filename)) if isinstance(node, ast.Return | ast.Lambda)]
    for node in reversed(nodes):
        value = node.body if isinstance(node, ast.Lambda) else node.value
        if value is not None:
            yield value


@cache
def _parsed(filename: str) -> ast.Module:
    return ast.parse(Path(filename).read_text(encoding="utf-8"))


def _false_conjunct(value: ast.expr, spans: list[Span]) -> ast.expr:
    while isinstance(value, ast.BoolOp) and isinstance(value.op, ast.And):
        last = next((part for span in spans for part in value.values if _contains(part, span)), None)
        if last is None:
            return value
        value = last
    return value


def _span(node: ast.expr) -> Span:
    return node.lineno, node.end_lineno or node.lineno, node.col_offset, node.end_col_offset or 0


def _contains(node: ast.expr, span: Span) -> bool:
    first, last, low, high = _span(node)
    return (first, low) <= (span[0], span[2]) and (span[1], span[3]) <= (last, high)
