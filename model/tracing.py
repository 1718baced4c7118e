"""Which functions of the model an operation enters, and which lines of the C it passes."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import model.operations
from model.source import Location, marks_by_line

R = TypeVar("R")

OPERATIONS_FOLDER = Path(model.operations.__file__).resolve().parent


class Event(Enum):
    """What a step is: a function of `model/operations` entered or left, or a marked line of it passed."""

    ENTERED = "entered"
    PASSED = "passed"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of an operation; `depth` is the number of its functions that are active, `location` that of a line."""

    event: Event
    depth: int
    function: str
    location: Location | None = None


def passed_lines(run: Callable[[], R]) -> tuple[R, list[Location]]:
    """The result of a run of operations, and the C lines passed, in order."""
    steps: list[Step] = []
    result = follow(run, steps.append)
    return result, [step.location for step in steps if step.location is not None]


def follow(run: Callable[[], R], visit: Callable[[Step], None]) -> R:
    """The result of a run of operations; each step is visited before its line is executed."""
    depth = 0

    def on_call(frame: FrameType, event: str, argument: Any) -> Callable[[FrameType, str, Any], Any] | None:
        nonlocal depth
        function = frame.f_code.co_name
        locations = _locations(frame.f_code.co_filename)
        if locations is None or function.startswith("<"):
            return None
        last = None
        depth += 1
        visit(Step(Event.ENTERED, depth, function))

        def on_event(frame: FrameType, event: str, argument: Any) -> Callable[[FrameType, str, Any], Any]:
            nonlocal depth, last
            if event == "return":
                visit(Step(Event.LEFT, depth, function))
                depth -= 1
            elif event == "line":
                location = locations.get(frame.f_lineno)
                if location is not None and location != last:
                    visit(Step(Event.PASSED, depth, function, location))
                last = location
            return on_event

        return on_event

    outer = sys.gettrace()
    sys.settrace(on_call)
    try:
        return run()
    finally:
        sys.settrace(outer)


@cache
def _locations(filename: str) -> dict[int, Location] | None:
    """The C location of each line of a file of `model/operations`; None for any other file.

    A mark stands for its whole statement: for an `if` over several lines, up to its body.
    """
    path = Path(filename).resolve()
    if path.parent != OPERATIONS_FOLDER:
        return None
    marks = {line: location for (file, line), location in marks_by_line().items() if file == str(path)}
    locations = dict(marks)
    for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.stmt):
            lines = own_lines(statement)
            marked = [line for line in lines if line in marks]
            for line in lines if marked else ():
                locations.setdefault(line, marks[min((m for m in marked if m >= line), default=marked[-1])])
    return locations


def own_lines(statement: ast.stmt) -> range:
    """The lines of a statement without those of the statements it contains."""
    inner = [node for node in ast.iter_child_nodes(statement) if isinstance(node, ast.stmt | ast.match_case)]
    if not inner:
        return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    first = inner[0]
    return range(statement.lineno, first.pattern.lineno if isinstance(first, ast.match_case) else first.lineno)
