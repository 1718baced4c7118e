"""Where each operation comes from: the C file of every function, the C line of every marked statement.

A statement of an operation ends in `# L123` when it stands for line 123 of the function's C file at
upstream commit e624cb1172df (`# L123-125` for several lines).
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

UPSTREAM_COMMIT = "e624cb1172df"
UPSTREAM_URL = "https://git.trustedfirmware.org/plugins/gitiles/hafnium/hafnium.git/+/" + UPSTREAM_COMMIT

_MARK = re.compile(r"#\s*L(\d+)(?:-(\d+))?")


def source(file: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare the upstream file of the C function that the decorated function stands for."""

    def declare(function: Callable[P, R]) -> Callable[P, R]:
        vars(function)["c_file"] = file
        return function

    return declare


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """Lines of a C file at the upstream commit."""

    file: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.file}:{self.first}" + (f"-{self.last}" if self.last != self.first else "")


@dataclass(frozen=True, slots=True)
class Operation:
    """One function of `model/operations`: its name, C file, Python lines and marked C lines."""

    name: str
    file: str
    path: str
    first_line: int
    marks: dict[int, Location]


@cache
def operations() -> dict[str, Operation]:
    """Every function of `model/operations` that stands for a C function, by name."""
    package = importlib.import_module("model.operations")
    found: dict[str, Operation] = {}
    for module_info in pkgutil.iter_modules(package.__path__, "model.operations."):
        module = importlib.import_module(module_info.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and hasattr(function, "c_file"):
                found[name] = _operation(name, function)
    return found


def _operation(name: str, function: Any) -> Operation:
    lines, first = inspect.getsourcelines(function)
    marks = {}
    for offset, text in enumerate(lines):
        if match := _MARK.search(text):
            low = int(match[1])
            marks[first + offset] = Location(function.c_file, low, int(match[2] or low))
    path = str(Path(inspect.getsourcefile(function) or "").resolve())
    return Operation(name, function.c_file, path, first, marks)


@cache
def marks_by_line() -> dict[tuple[str, int], Location]:
    """The C location of each marked Python line of `model/operations`."""
    return {(op.path, line): place for op in operations().values() for line, place in op.marks.items()}
