"""How the model accounts for each hunk of the patch, and for each place of the C that writes lifecycle state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from model.machine import Outcome
from model.patch import HUNKS, Hunk
from model.source import Location, operations
from model.state_writes import STATE_WRITES, Site
from proofs.passages import LastStep, Write

SETTERS: Final = (("src/vm.c", 1351), ("src/vcpu.c", 828))
"""Where vm_set_state and vcpu_state_set write; not they are listed, but their callers."""


@dataclass(frozen=True, slots=True)
class HunkLine:
    """A line of a hunk that was passed, after which window, and the states that were read there."""

    number: int
    window: str
    reads: frozenset[str]


@dataclass(frozen=True, slots=True)
class Way:
    """A way through a hunk: the operation that takes it, the lines passed, how it ends if it fails.

    `shortest` is the last step of a shortest execution that takes it.
    """

    operation: str
    lines: tuple[HunkLine, ...]
    failure: str
    shortest: LastStep


@dataclass(frozen=True)
class Account:
    """What executions make of hunks and sites; `steps` are their last steps, those of the shortest first."""

    steps: tuple[LastStep, ...]

    @cached_property
    def ways(self) -> dict[str, list[Way]]:
        """The ways through each hunk that executions take."""
        return {hunk.id: list(self._ways(hunk)) for hunk in HUNKS}

    def _ways(self, hunk: Hunk) -> Iterator[Way]:
        seen = set()
        for step in self.steps:
            lines = tuple(
                HunkLine(line, passage.window, passage.reads)
                for passage in step.passed
                for line in sorted((*hunk.statements, *hunk.branches))
                if covers(passage.location, hunk.file, line)
            )
            key = (step.action.operation, lines, _failure(step))
            if key not in seen and any(line.number in hunk.statements for line in lines):
                seen.add(key)
                yield Way(*key, step)

    def shortest_write(self, kind: str, site: Site) -> LastStep | None:
        """The last step of a shortest execution that writes the site's value there, if any does."""
        return next((step for step in self.steps if any(_is_at(write, kind, site) for write in step.writes)), None)

    def problems(self) -> Iterator[str]:
        """What is not accounted for, one sentence each."""
        for hunk in HUNKS:
            if bool(hunk.statements) == bool(hunk.model_fact):
                yield f"{hunk.id} needs either statements or a fact of the model"
            passed = {line.number for way in self.ways[hunk.id] for line in way.lines}
            for line in hunk.statements:
                if not functions_at(hunk.file, line):
                    yield f"{hunk.id}: no mark in model/operations covers {hunk.file}:{line}"
                elif line not in passed:
                    yield f"{hunk.id}: no execution passes {hunk.file}:{line}"
        for entry in STATE_WRITES:
            for site in entry.sites:
                if bool(self.shortest_write(entry.kind, site)) == bool(site.model_fact):
                    expected = "although the table says it cannot" if site.model_fact else "no execution writes there"
                    yield f"{entry.id}: {site.file}:{site.line} {site.value}: {expected}"
        listed = {(entry.kind, site.file, site.line) for entry in STATE_WRITES for site in entry.sites}
        written = {(_listed_place(write), write.kind, write.value) for step in self.steps for write in step.writes}
        for at, kind, value in sorted(written):
            if not any(kind == of and covers(at, file, line) for of, file, line in listed):
                yield f"{at} writes {kind} state {value} and is not listed"


def covers(location: Location, file: str, line: int) -> bool:
    """Whether a line is among those of a location."""
    return location.file == file and location.first <= line <= location.last


def functions_at(file: str, line: int) -> list[str]:
    """The functions of `model/operations` that have a mark covering a line."""
    return [
        operation.name
        for operation in operations().values()
        if any(covers(location, file, line) for location in operation.marks.values())
    ]


def _failure(step: LastStep) -> str:
    """How a step failed; empty if it did not."""
    return "" if step.outcome is Outcome.RETURN else f"{step.outcome.value} {step.where}".strip()


def _is_at(write: Write, kind: str, site: Site) -> bool:
    return (write.kind, write.value) == (kind, site.value) and any(
        covers(location, site.file, site.line) for location in write.during
    )


def _listed_place(write: Write) -> Location:
    """The line that writes, or the one that calls the setter."""
    innermost = write.during[-1]
    is_setter = any(covers(innermost, *setter) for setter in SETTERS)
    return write.during[-2] if is_setter else innermost
