"""A trace as one self-contained HTML page: timeline, steps, paths with links to the C code, states."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined

from model.source import UPSTREAM_COMMIT, UPSTREAM_URL
from model.topology import PartitionKind
from model.variables import Key, Layout
from proofs.traces.path import Passage, decisions
from proofs.traces.text import described, names_used, verdict
from proofs.traces.trace import Trace, TraceStep
from proofs.traces.values import field_text, object_text, party, value_text
from proofs.traces.words import actor_text, end_text, notes, start_text


@dataclass(frozen=True, slots=True)
class _Segment:
    """States first to last, in which a strip shows the same."""

    first: int
    last: int
    text: str
    style: str


@dataclass(frozen=True, slots=True)
class _Strip:
    """A row of the timeline: an object, and what it shows over time."""

    kind: str
    name: str
    concerned: bool
    segments: tuple[_Segment, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """A function entered or a C line passed, with a link to it."""

    depth: int
    function: str
    place: str
    url: str
    code: str
    verdict: str
    taken: bool | None
    values: tuple[str, ...]
    plain: bool


@dataclass(frozen=True, slots=True)
class _Card:
    """Everything the page shows of a step; card 0 is the initial state."""

    number: int
    cpu: int | None
    actor: str
    start: str
    end: str
    kind: str
    notes: tuple[str, ...]
    states: tuple[tuple[str, str, str], ...]
    changes: tuple[tuple[str, str, str, str], ...]
    path: tuple[_Line, ...]
    fields: tuple[tuple[str, tuple[tuple[str, str, bool], ...]], ...]


def html_page(trace: Trace) -> str:
    """The page.  It needs no network, and runs no script but its own, whatever the trace holds."""
    script, style = _resource("explorer.js"), _resource("explorer.css")
    return (
        _environment()
        .get_template("explorer.html")
        .render(
            trace=trace,
            title=_title(trace),
            finding=described(trace),
            names=list(names_used(trace)),
            commit=UPSTREAM_COMMIT,
            strips=list(_strips(trace)),
            cards=list(_cards(trace)),
            legend=_legend(trace),
            about=[party(key, trace.is_spmc) for key in trace.objects],
            script=script,
            style=style,
            script_hash=_hash(script),
            style_hash=_hash(style),
        )
    )


def _title(trace: Trace) -> str:
    finding = described(trace)
    names = [name for name in (trace.finding, trace.property_id) if name]
    title = finding.title if finding else trace.title
    return f"{' · '.join(names)}: {title}" if names else f"An execution of {len(trace)} steps"


@cache
def _environment() -> Environment:
    return Environment(loader=FunctionLoader(_resource), autoescape=True, undefined=StrictUndefined, trim_blocks=True)


def _strips(trace: Trace) -> Iterator[_Strip]:
    """Who runs on each CPU, then the states of VMs and vCPUs."""
    layout = trace.layout
    loaded = [p for p in trace.topology.partitions if p.kind is not PartitionKind.OTHER_WORLD]
    for key in layout.cpu_keys:
        yield _strip(trace, layout, "cpu", f"CPU{key.first}", key, "current")
    for partition in loaded:
        yield _strip(trace, layout, "vm", "", Key("vm", partition.id), "state")
    for key in layout.vcpu_keys:
        if any(key.first == partition.id for partition in loaded):
            yield _strip(trace, layout, "vcpu", "", key, "state")


def _strip(trace: Trace, layout: Layout, kind: str, name: str, key: Key, field: str) -> _Strip:
    variable = layout.by_name[key, field]
    segments: list[_Segment] = []
    for number, state in enumerate(trace.states):
        value = variable.domain[state[variable.index]]
        text = _strip_text(trace, value)
        if segments and segments[-1].text == text:
            segments[-1] = replace(segments[-1], last=number)
        else:
            segments.append(_Segment(number, number, text, _style(kind, value, text, layout)))
    return _Strip(kind, name or party(key, trace.is_spmc), key in trace.objects, tuple(segments))


def _strip_text(trace: Trace, value: object) -> str:
    """A state, or who runs: nobody while a CPU is off or boots."""
    if isinstance(value, Key):
        return party(value, trace.is_spmc)
    return "-" if value is None else value_text(value) or ""


def _style(kind: str, value: object, text: str, layout: Layout) -> str:
    """The class that colours a segment: a state's name, or the number of the partition that runs."""
    if kind != "cpu":
        return f"s-{text.lower()}"
    if not isinstance(value, Key):
        return "runs-none"
    return f"runs-{[p.id for p in layout.topology.partitions].index(value.first) % 6}"


def _legend(trace: Trace) -> list[tuple[str, str]]:
    """The states that occur, each with its class."""
    shown = {s.text: s.style for strip in _strips(trace) if strip.kind != "cpu" for s in strip.segments}
    return sorted(shown.items())


def _cards(trace: Trace) -> Iterator[_Card]:
    layout = trace.layout
    bad = "bad" if trace.property_id and not trace.steps else ""
    yield _Card(0, None, "", "Initial state: nothing is loaded", "", bad, (), (), (), (), _fields(layout, trace, 0))
    for number, step in enumerate(trace.steps, 1):
        yield _Card(
            number,
            step.action.cpu,
            actor_text(step.action, trace.is_spmc),
            start_text(step, trace.is_spmc),
            end_text(step, trace.is_spmc),
            _kind(trace, number, step),
            tuple(notes(step, trace.is_spmc)),
            tuple((object_text(c.object), c.old, c.new) for c in trace.state_changes(step)),
            tuple((object_text(c.object), c.field, c.old, c.new) for c in step.changes_in_c),
            tuple(_lines(step)),
            _fields(layout, trace, number),
        )


def _kind(trace: Trace, number: int, step: TraceStep) -> str:
    if step.outcome.is_failure or (trace.property_id and number == len(trace)):
        return "bad"
    return "quiet" if step.action.operation == "api_regs_state_saved" else ""


def _lines(step: TraceStep) -> Iterator[_Line]:
    """The path; plain is what is neither a condition nor a function with one."""
    decided = {id(passage) for passage in decisions(step.path)}
    return (_line(passage, id(passage) not in decided) for passage in step.path)


def _line(passage: Passage, plain: bool) -> _Line:
    place = passage.location
    return _Line(
        passage.depth,
        passage.function,
        passage.file if place is None else str(place).rpartition("/")[2],
        f"{UPSTREAM_URL}/{passage.file}" + (f"#{place.first}" if place else ""),
        passage.code,
        "" if passage.taken is None else verdict(passage),
        passage.taken,
        passage.values,
        plain,
    )


def _fields(layout: Layout, trace: Trace, number: int) -> tuple[tuple[str, tuple[tuple[str, str, bool], ...]], ...]:
    """The objects of a state with their fields and values, and whether the step before changed them."""
    state = trace.states[number]
    changed = {(c.object, c.field) for c in trace.steps[number - 1].changes} if number else set()
    objects: dict[Key, list[tuple[str, str, bool]]] = {}
    for v in layout.variables:
        fields = objects.setdefault(v.owner, [])
        fields.append((v.field, field_text(v, state[v.index]), (v.owner, v.field) in changed))
    return tuple((object_text(key), tuple(fields)) for key, fields in objects.items())


def _resource(name: str) -> str:
    return (files("proofs.traces") / "templates" / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
