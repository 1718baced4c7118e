"""Scenario files (docs/scenarios.md): reading one, and refusing it whole if anything in it cannot be."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from model.topology_file import TopologyTable
from model.values import HF_MANAGED_EXIT_INTID, FfaError, FfaValue, Func, InterruptAction, PsciStatus
from model.variables import Layout, Variable
from proofs.scenarios.steps import AnyStep, CpuIndex, DirectStep, Load, Step
from proofs.scenarios.topology import chosen_topology
from proofs.traces.values import field_text, object_text

NONE = "none"
"""What a file writes for no reply, no vCPU, no delivered value."""

FINAL = frozenset({"panic", "assert", "deadlock", "crash", "reset"})
"""The outcomes after which nothing can happen any more."""

VALUES = frozenset(
    str(value)
    for value in (
        NONE,
        *(FfaValue(func) for func in Func if func is not Func.ERROR),
        *(FfaValue(Func.ERROR, code) for code in FfaError),
        *(FfaValue(Func.DIRECT_RESP, status=status) for status in PsciStatus),
    )
)
"""Everything that registers can hold, as files write it."""


class ScenarioError(ValueError):
    """A scenario file is malformed; the message is one sentence naming file and place."""


class _ScenarioFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A scenario file."""

    version: Literal[1]
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    topology: str | TopologyTable
    step: Annotated[tuple[AnyStep, ...], Meta(min_length=1, max_length=1000)]
    booted: tuple[CpuIndex, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario: `booted` are the CPUs whose boot goes before the steps."""

    path: Path
    title: str
    layout: Layout
    booted: tuple[int, ...]
    steps: tuple[AnyStep, ...]


def read_scenario(path: Path) -> Scenario:
    """The scenario in a file.  Raises ScenarioError, in one sentence, for anything that is not well-formed."""
    try:
        contents = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _ScenarioFile)
        layout = _layout(contents)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ScenarioError(f"{path}: not a TOML file: {error}") from error
    except ValueError as error:
        raise ScenarioError(f"{path}: {error}") from error
    for complaint in _complaints(contents, layout):
        raise ScenarioError(f"{path}: {complaint}")
    return Scenario(path, contents.title, layout, contents.booted, contents.step)


def _layout(contents: _ScenarioFile) -> Layout:
    """The variables of the scenario's topology, for every sender and interrupt that its steps can meet."""
    topology = chosen_topology(contents.topology)
    managed_exit = any(p.ns_interrupts_action is InterruptAction.ME for p in topology.partitions)
    senders = {int(s.sender, 16) for s in contents.step if isinstance(s, DirectStep) and s.sender is not None}
    return Layout(topology, (HF_MANAGED_EXIT_INTID,) if managed_exit else (), tuple(senders))


def _complaints(contents: _ScenarioFile, layout: Layout) -> Iterator[str]:
    """What is well-typed, but cannot be on this topology."""
    cpus = layout.topology.cpus
    if len(set(contents.booted)) < len(contents.booted) or contents.booted[:1] not in ((), (0,)):
        yield "booted: names a CPU twice, or another one before CPU 0"
    for cpu in contents.booted:
        if cpu >= cpus:
            yield f"booted: there is no CPU {cpu}"
    for number, step in enumerate(contents.step, 1):
        for complaint in _step_complaints(step, layout):
            yield f"step {number}: {complaint}"
        if step.outcome in FINAL and number < len(contents.step):
            yield f"step {number}: nothing can happen after outcome '{step.outcome}'"


def _step_complaints(step: Step, layout: Layout) -> Iterator[str]:
    partitions = {f"{p.id:#x}" for p in layout.topology.secure_partitions}
    if step.cpu >= layout.topology.cpus:
        yield f"there is no CPU {step.cpu}"
    if isinstance(step, Load) and step.failing not in (None, *partitions):
        yield f"failing: there is no partition {step.failing}"
    if step.where is not None and step.outcome not in FINAL:
        yield f"where: outcome '{step.outcome}' has no place"
    if step.runs not in (None, NONE, *map(str, layout.vcpu_keys)):
        yield f"runs: there is no vCPU '{step.runs}'"
    for name, value in (("reply", step.reply), ("sees", step.sees)):
        if value is not None and value not in VALUES:
            yield f"{name}: '{value}' is no FF-A value"
    yield from _state_complaints(step, layout)


def _state_complaints(step: Step, layout: Layout) -> Iterator[str]:
    variables = named_variables(layout)
    for owner, wanted in step.state.items():
        for field, value in wanted.items():
            variable = variables.get((owner, field))
            if variable is None:
                yield f"state: there is no field '{field}' of '{owner}'"
            elif all(value != field_text(variable, position) for position in range(len(variable.domain))):
                yield f"state: {field} of '{owner}' cannot be '{value}'"


def named_variables(layout: Layout) -> dict[tuple[str, str], Variable]:
    """The state variables by owner and field, as files write them."""
    return {(object_text(v.owner), v.field): v for v in layout.variables}
