"""Where a property breaks: which part of it is false, and the values it read that make it so."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from inspect import getdoc
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
    """A field of an object, or of what the step shows, that the property read, and its value.

    `when` is `before` or `after` the step, or empty.
    """

    object: Key | None
    field: str
    value: str
    when: str

    def __str__(self) -> str:
        when = f" {self.when} the step" if self.when else ""
        owner = "the step's" if self.object is None else object_text(self.object)
        return f"{owner} {self.field} = {self.value}{when}"


@dataclass(frozen=True, slots=True)
class Breach:
    """Why a property is false: its parts that make it so, what their words mean, and what was read, in order."""

    reasons: tuple[str, ...]
    meanings: tuple[str, ...]
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


class _WatchedLabel:
    """What a step shows, noting what of it is read."""

    def __init__(self, label: StepLabel, reads: dict[Read, None]):
        self._label = label
        self._reads = reads

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._label, name)
        if name == "reply":
            self._note("reply", value or "none")
        elif name == "outcome" and value.is_failure:
            self._note("outcome", f"{value.value.upper()} at {self._label.where}")
        elif name in ("events", "refused") and value:
            self._note(name, "; ".join(value))
        return value

    def _note(self, name: str, value: object) -> None:
        self._reads[Read(None, name, str(value), "")] = None


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
        watched = None if label is None else _WatchedLabel(label, reads)
        arguments = [watched, *machines, *(m.handles[key] for key in objects for m in machines)]
    holds, reasons, meanings = _evaluate(item.holds, arguments)
    return None if holds else Breach(reasons, meanings, tuple(reads))


def _evaluate(predicate: Callable[..., bool], arguments: list[Any]) -> tuple[bool, tuple[str, ...], tuple[str, ...]]:
    """Whether a predicate is true, and if not, the parts that make it false, in words, and what these mean."""
    visited: dict[str, _Part] = {}

    def on_call(frame: FrameType, event: str, argument: Any) -> Callable[[FrameType, str, Any], Any] | None:
        role = _role(frame, predicate)
        if role is None:
            return None
        part = visited[role] = _Part(frame.f_code, frame.f_globals, [])
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
    if holds:
        return True, (), ()
    sources = {role: _source(part, conjunct=role in ("then", "all")) for role, part in visited.items()}
    return False, tuple(_reasons(sources)), tuple(dict.fromkeys(_meanings(visited, sources)))


@dataclass(frozen=True, slots=True)
class _Part:
    """A function that a predicate called, the names it knows, and the instructions of it that were executed."""

    code: CodeType
    names: dict[str, Any]
    offsets: list[int]


def _role(frame: FrameType, predicate: Callable[..., bool]) -> str | None:
    """What a called function is to the predicate (see properties/statements.py): its parts by name, or all of it."""
    caller = frame.f_back
    if caller is not None:
        for role in ("when", "then", "happens"):
            if getattr(caller.f_locals.get(role), "__code__", None) is frame.f_code:
                return role
    return "all" if frame.f_code is getattr(predicate, "__code__", None) else None


def _reasons(sources: Mapping[str, ast.expr | None]) -> Iterator[str]:
    """When the property demands something, and what it demands in vain or what must not happen."""
    texts = {role: "" if value is None else _words(value) for role, value in sources.items()}
    if texts.get("when", "true") not in ("", "true"):
        yield f"given: {texts['when']}"
    if texts.get("happens"):
        yield f"must not happen, but does: {texts['happens']}"
    elif texts.get("then") or ("when" not in texts and texts.get("all")):
        yield f"must hold, but is false: {texts.get('then') or texts['all']}"


def _meanings(visited: Mapping[str, _Part], sources: Mapping[str, ast.expr | None]) -> Iterator[str]:
    """The functions that the reasons name, with the first sentences of their descriptions."""
    for role, value in sources.items():
        for node in ast.walk(value) if value is not None else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                described = getdoc(visited[role].names.get(node.func.id))
                if described:
                    first = described.splitlines()[0].rstrip(".")
                    yield f"{_words(node.func)}: {first[0].lower()}{first[1:]}"


_LABEL_WORDS = (
    (r"\blabel->outcome->is_failure\b", "the execution ends in a failure"),
    (r"\bany\(\(event->startswith\('([a-z ]+)'\) for event among label->events\)\)", r"\1"),
    (r"\blabel\b", "step"),
    (r"(?<![\w.])_(?=[a-z])", ""),
)


def _words(value: ast.expr) -> str:
    """An expression of a property as a reader of the C would put it, roughly."""
    text = c_words(ast.unparse(value))
    for pattern, words in _LABEL_WORDS:
        text = re.sub(pattern, words, text)
    return text


def _source(part: _Part, conjunct: bool) -> ast.expr | None:
    """What a function returned, or the conjunct of it that was evaluated last; None if there is no source."""
    positions = list(part.code.co_positions())
    spans = [
        (first, last, low, high)
        for first, last, low, high in (positions[offset // 2] for offset in reversed(part.offsets))
        if first is not None and last is not None and low is not None and high is not None
    ]
    if not Path(part.code.co_filename).is_file():
        return None
    results = list(_results(part.code.co_filename))
    value = next((value for span in spans for value in results if _contains(value, span)), None)
    return _false_conjunct(value, spans) if value is not None and conjunct else value


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
