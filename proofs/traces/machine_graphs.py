"""State machines as text, DOT, Mermaid and SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined

from proofs.traces.graphs import dot_text, mermaid_text
from proofs.traces.state_machines import SEARCHED, Edge, StateMachine, edge_text, notes_of

Machines = Sequence[StateMachine]

TITLES = {"vm": "VM states (vm_set_state)", "vcpu": "vCPU states of SPs (vcpu_state_set)"}
FOOTNOTE = f"Operations as executed on {', '.join(SEARCHED)}; dead: allowed by the table, taken by none of them."

_COLUMN_WIDTH = 880
_LINE_HEIGHT = 17


def listed(machine: StateMachine) -> list[Edge]:
    """The edges in the order of lists: first those that operations take."""
    return sorted(machine.edges, key=lambda edge: edge.is_dead)


def machines_text(machines: Machines) -> str:
    """Every edge in a line, then remarks."""
    lines = []
    for machine in machines:
        lines.append(TITLES[machine.kind])
        for edge in listed(machine):
            steps = f"   [step {', '.join(map(str, edge.steps))}]" if edge.steps else ""
            lines.append(f"  {edge.source:>17} -> {edge.target:<17} {edge_text(edge)}{steps}")
        lines += [*(f"  {note}" for note in notes_of(machine)), ""]
    return "\n".join([*lines, FOOTNOTE]) + "\n"


def machines_dot(machines: Machines) -> str:
    """A DOT graph: dead edges dashed, edges past the table and traps red, a trace's edges bold."""
    lines = ["digraph machines {", '  node [shape=box, style=rounded, fontname="Helvetica"]; edge [fontsize=9];']
    for machine in machines:
        lines.append(f"  subgraph cluster_{machine.kind} {{ label={dot_text(TITLES[machine.kind])};")
        for state in machine.states:
            colour = ", color=red" if state in machine.traps else ", color=grey" if state in machine.unreached else ""
            lines.append(f"    {machine.kind}_{state} [label={dot_text(state)}{colour}];")
        for edge in machine.edges:
            style = ", style=dashed, color=grey" if edge.is_dead else "" if edge.is_legal else ", color=red"
            bold = ", penwidth=3" if edge.steps else ""
            ends = f"{machine.kind}_{edge.source} -> {machine.kind}_{edge.target}"
            lines.append(f"    {ends} [label={dot_text(edge_text(edge))}{style}{bold}];")
        lines.append("  }")
    return "\n".join([*lines, "}"]) + "\n"


def machines_mermaid(machines: Machines) -> str:
    """A Mermaid state diagram; what DOT shows by style, the labels say."""
    lines = ["stateDiagram-v2"]
    for machine in machines:
        for state in machine.states:
            remark = " (trap)" if state in machine.traps else " (never entered)" if state in machine.unreached else ""
            lines.append(f'    state "{machine.kind} {state}{remark}" as {machine.kind}_{state}')
        lines.append(f"    [*] --> {machine.kind}_{machine.initial}")
        for edge in machine.edges:
            steps = f", step {', '.join(map(str, edge.steps))}" if edge.steps else ""
            ends = f"{machine.kind}_{edge.source} --> {machine.kind}_{edge.target}"
            lines.append(f"    {ends}: {mermaid_text(edge_text(edge) + steps)}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Node:
    """A state in the picture."""

    name: str
    x: float
    y: float
    style: str


@dataclass(frozen=True, slots=True)
class _Arrow:
    """An edge in the picture: a curve, its number and where that stands."""

    number: int
    path: str
    x: float
    y: float
    style: str
    text: str


@dataclass(frozen=True, slots=True)
class _Picture:
    """A machine in the picture."""

    title: str
    left: int
    nodes: tuple[_Node, ...]
    arrows: tuple[_Arrow, ...]
    notes: tuple[str, ...]
    top: int


def machines_svg(machines: Machines) -> str:
    """A picture of its own, with numbered edges and their list below; light and dark."""
    pictures = list(_pictures(machines))
    lines = max(len(picture.arrows) + len(picture.notes) for picture in pictures)
    return (
        _environment()
        .get_template("machines.svg")
        .render(
            pictures=pictures,
            width=_COLUMN_WIDTH * len(pictures),
            height=pictures[0].top + lines * _LINE_HEIGHT + 50,
            line_height=_LINE_HEIGHT,
            footnote=FOOTNOTE,
        )
    )


def _pictures(machines: Machines) -> Iterator[_Picture]:
    for column, machine in enumerate(machines):
        nodes = {node.name: node for node in _nodes(machine)}
        arrows = tuple(_arrow(number, edge, nodes) for number, edge in enumerate(listed(machine), 1))
        left = column * _COLUMN_WIDTH
        yield _Picture(TITLES[machine.kind], left, tuple(nodes.values()), arrows, tuple(notes_of(machine)), 690)


def _nodes(machine: StateMachine) -> Iterator[_Node]:
    """The states on an ellipse, clockwise from the top."""
    for position, state in enumerate(machine.states):
        angle = 2 * math.pi * position / len(machine.states) - math.pi / 2
        style = "trap" if state in machine.traps else "unreached" if state in machine.unreached else "reached"
        yield _Node(state, 430 + 340 * math.cos(angle), 360 + 280 * math.sin(angle), style)


def _arrow(number: int, edge: Edge, nodes: dict[str, _Node]) -> _Arrow:
    """A curve that bends to the right, so that the edges of a pair of states stay apart."""
    source, target = nodes[edge.source], nodes[edge.target]
    dx, dy = target.x - source.x, target.y - source.y
    bend = 0.13
    cx, cy = (source.x + target.x) / 2 - dy * bend, (source.y + target.y) / 2 + dx * bend
    start, end = _border(source, cx, cy), _border(target, cx, cy)
    x, y = (start[0] + 2 * cx + end[0]) / 4, (start[1] + 2 * cy + end[1]) / 4
    path = f"M{start[0]:.1f} {start[1]:.1f}Q{cx:.1f} {cy:.1f} {end[0]:.1f} {end[1]:.1f}"
    style = "dead" if edge.is_dead else "taken" if edge.is_legal else "forbidden"
    steps = f" (step {', '.join(map(str, edge.steps))})" if edge.steps else ""
    text = f"{edge.source} -> {edge.target}: {edge_text(edge)}{steps}"
    return _Arrow(number, path, x, y, style + (" traced" if edge.steps else ""), text)


def _border(node: _Node, x: float, y: float) -> tuple[float, float]:
    """Where the line from a node's centre to a point leaves its box."""
    dx, dy = x - node.x, y - node.y
    scale = min(72 / abs(dx) if dx else math.inf, 19 / abs(dy) if dy else math.inf)
    return node.x + dx * scale, node.y + dy * scale


@cache
def _environment() -> Environment:
    return Environment(loader=FunctionLoader(_template), autoescape=True, undefined=StrictUndefined, trim_blocks=True)


def _template(name: str) -> str:
    return (files("proofs.traces") / "templates" / name).read_text(encoding="utf-8")
