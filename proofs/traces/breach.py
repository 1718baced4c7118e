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
    """Why a property is false: its parts that make it so, in words, and what was read, in order."""

    reasons: tuple[str, ...]
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
    holds, reasons = _evaluate(item.holds, arguments)
    return None if holds else Breach(reasons, tuple(reads))


def _evaluate(predicate: Callable[..., bool], arguments: list[Any]) -> tuple[bool, tuple[str, ...]]:
    """Whether a predicate is true, and if not, the parts that make it false, in words."""
    visited: dict[str, _Part] = {}

    def on_call(frame: FrameType, event: str, argument: Any) -> Callable[[FrameType, str, Any], Any] | None:
        role = _role(frame, predicate)
        if role is None:
            return None
        part = visited[role] = _Part(frame.f_code, [])
        frame.f_trace_opcodes = True

        def on_event(frame: FrameType, event: str, argument: Any) -> Callable[[FrameType, str, Any], Any]:
            if event == "opcode":
                part.offsets.append(frame.f_lasti)
            return on_event

        return on_event

    outer = sys.gettrace()
    sys.settrace(on_call)
    try:
        holds = bool(predicate(*arguments))
    finally:
        sys.settrace(outer)
    return holds, () if holds else tuple(_reasons(visited))


@dataclass(frozen=True, slots=True)
class _Part:
    """A function that a predicate called, and the instructions of it that were executed."""

    code: CodeType
    offsets: list[int]


def _role(frame: FrameType, predicate: Callable[..., bool]) -> str | None:
    """What a called function is to the predicate (see properties/statements.py): its parts by name, or all of it."""
    caller = frame.f_back
    if caller is not None:
        for role in ("when", "then", "happens"):
            if getattr(caller.f_locals.get(role), "__code__", None) is frame.f_code:
                return role
    return "all" if frame.f_code is getattr(predicate, "__code__", None) else None


def _reasons(visited: dict[str, _Part]) -> Iterator[str]:
    """When the property demands something, and what it demands in vain or what must not happen."""
    texts = {role: _source(part, conjunct=role in ("then", "all")) for role, part in visited.items()}
    if texts.get("when", "true") not in ("", "true"):
        yield f"this is the case: {texts['when']}"
    if texts.get("happens"):
        yield f"this happens: {texts['happens']}"
    elif texts.get("then") or ("when" not in texts and texts.get("all")):
        yield f"this is false: {texts.get('then') or texts['all']}"


def _source(part: _Part, conjunct: bool) -> str:
    """What a function returned, or the conjunct of it that was evaluated last; empty if there is no source."""
    positions = list(part.code.co_positions())
    spans = [
        (first, last, low, high)
        for first, last, low, high in (positions[offset // 2] for offset in reversed(part.offsets))
        if first is not None and last is not None and low is not None and high is not None
    ]
    if not Path(part.code.co_filename).is_file():
        return ""
    results = list(_results(part.code.co_filename))
    value = next((value for span in spans for value in results if _contains(value, span)), None)
    if value is None:
        return ""
    return c_words(ast.unparse(_false_conjunct(value, spans) if conjunct else value))


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
