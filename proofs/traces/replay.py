"""Replaying trace files: the concrete reading runs every action again, and what happens must be what was recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from model.source import UPSTREAM_COMMIT
from model.variables import Layout
from model.variants import Variants
from proofs.traces.file_format import (
    KNOWN_OPERATIONS,
    FileProperty,
    FileStep,
    TraceFile,
    TraceFileError,
    action_of,
    assumptions_of,
    file_step,
    key_of,
    read_trace_file,
    topology_of,
)
from proofs.traces.trace import Recorder, ReplayError, Trace, attribute
from properties.language import Property


def load_trace(path: Path) -> Trace:
    """Read a trace file and replay it.  Raises TraceFileError, in one sentence, if it does not replay."""
    contents = read_trace_file(path)
    try:
        return replay(contents, _catalogue())
    except ValueError as error:
        raise TraceFileError(f"{path}: {error}; record it again") from error


def replay(contents: TraceFile, properties: Mapping[str, Property]) -> Trace:
    """The execution that a trace file describes, as it happens now.

    Raises ValueError, naming the first step that differs, or what makes the file unfit to be replayed.
    """
    if contents.upstream_commit != UPSTREAM_COMMIT:
        raise ValueError(f"outdated: it is of Hafnium at '{contents.upstream_commit}', the model at {UPSTREAM_COMMIT}")
    variants = _variants(contents.variant)
    topology = topology_of(contents.topology)
    assume = assumptions_of(contents.assumptions)
    recorder = Recorder(Layout(topology, variants=variants), assume, contents.granularity, contents.assertions)
    steps = []
    for number, recorded in enumerate(contents.steps, 1):
        operation = recorded.action.operation
        if operation not in KNOWN_OPERATIONS:
            raise ValueError(f"step {number} names an unknown operation '{operation}'{_suggestion(operation)}")
        try:
            step = recorder.step(action_of(recorded.action))
        except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
            raise ValueError(f"step {number}, {recorded.action.text}, is not possible ({error!r})") from error
        if step is None:
            raise ValueError(f"step {number}, {recorded.action.text}, cannot happen there")
        for place, old, new in differences(recorded, file_step(step)):
            raise ValueError(f"tampered with or outdated: step {number}, {place}: recorded {old}, but {new} happens")
        steps.append(step)
    trace = Trace(
        topology,
        contents.granularity,
        assume,
        contents.assertions,
        recorder.initial,
        tuple(steps),
        finding=contents.finding or "",
        variants=variants,
    )
    return _attributed(trace, contents, properties)


def _variants(chosen: Mapping[str, str]) -> Variants:
    try:
        return Variants.of(chosen)
    except ValueError as error:
        raise ValueError(f"unknown variant {error}") from error


def _attributed(trace: Trace, contents: TraceFile, properties: Mapping[str, Property]) -> Trace:
    """The trace with the initial state and the property checked."""
    for place, old, new in differences(contents.initial, trace.to_file().initial):
        raise ValueError(f"tampered with or outdated: initial state, {place}: recorded {old}, but it is {new}")
    stated = contents.property
    if stated is None:
        return trace
    if stated.id not in properties:
        raise ValueError(f"it violates an unknown property '{stated.id}'")
    return _check_property(trace, stated, properties[stated.id])


def _check_property(trace: Trace, stated: FileProperty, item: Property) -> Trace:
    objects = tuple(key_of(name) for name in stated.objects)
    if objects not in {tuple(keys) for keys in item.over(trace.topology)}:
        raise ValueError(f"property {item.id} is not about these objects")
    if stated.violated_after != len(trace):
        raise ValueError(f"property {item.id} is said to break after step {stated.violated_after}, not at the end")
    try:
        return attribute(trace, item, objects)
    except ReplayError as error:
        raise ValueError(f"tampered with or outdated: {error}") from error


def _suggestion(operation: str) -> str:
    close = get_close_matches(operation, KNOWN_OPERATIONS, n=1)
    return f" (meant: {close[0]}?)" if close else ""


def differences(old: Any, new: Any, place: str = "") -> Iterator[tuple[str, str, str]]:
    """Where two parts of trace files differ: the place, and both values."""
    if isinstance(old, FileStep):
        old, new = msgspec.to_builtins(old), msgspec.to_builtins(new)
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys((*old, *new)):
            yield from differences(old.get(name), new.get(name), f"{place}.{name}" if place else str(name))
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple):
        for position in range(max(len(old), len(new))):
            left, right = (items[position] if position < len(items) else None for items in (old, new))
            yield from differences(left, right, f"{place}[{position}]")
    elif old != new:
        yield place, _short(old), _short(new)


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(msgspec.json.encode(value), "utf-8")
    return text if len(text) <= 100 else text[:97] + "..."


def _catalogue() -> Mapping[str, Property]:
    from properties.catalogue import CATALOGUE  # loads every predicate, which other commands need not wait for

    return CATALOGUE
