"""Exploring an action symbolically: every path through its sections, as decision diagrams."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from types import FrameType
from typing import Any

from model.diagram import Copy, Diagram, Diagrams, Leaf, Write, leaves
from model.environment import Action, Assumptions, actions
from model.machine import NULL, Halt, Handle, Labels, Outcome, Suspend
from model.readings import Lazy, Symbolic
from model.system import perform
from model.topology import Topology
from model.values import DirectMessage, FfaValue
from model.variables import Key, Layout
from model.variants import DEFAULT_VARIANTS, Variants


class Granularity(Enum):
    """Where other CPUs may interleave: between operations only, or at every window as well."""

    HANDLER = "handler"
    SECTION = "section"


@dataclass(frozen=True, slots=True)
class Section:
    """A section of an action: the script of answers that leads there, through how many windows and joins."""

    action: Action
    window: str = ""
    script: tuple[bool, ...] = ()
    stops: int = 0

    def __str__(self) -> str:
        return f"{self.action} after {self.window}" if self.window else str(self.action)


@dataclass(slots=True)
class Relation:
    """The transition relation of a topology: a diagram for each section.

    `sections` holds the actions (positions in `first`) and, at section granularity, the continuations, which
    a CPU's `section` variable numbers (0: idle).
    """

    layout: Layout
    granularity: Granularity
    known: list[int]
    first: list[tuple[Action, Diagram]] = field(default_factory=list)
    continuations: list[tuple[Section, Diagram]] = field(default_factory=list)
    diagrams: Diagrams = field(default_factory=Diagrams)


@dataclass(slots=True)
class _Explored:
    """A section's diagram, and the variables on whose possible values it depends."""

    diagram: Diagram
    consulted: set[int]


class Explorer:
    """Builds the relation of a topology for states whose variables have values in `known`."""

    def __init__(
        self,
        layout: Layout,
        assume: Assumptions,
        granularity: Granularity,
        known: list[int],
        assertions: bool = True,
    ):
        self._machine = Symbolic(layout, assertions)
        self._assume = assume
        self._granularity = granularity
        self.relation = Relation(layout, granularity, known)
        self._joined: dict[Any, _Explored] = {}
        self._numbers: dict[Any, int] = {}
        self._sections: list[Section] = []
        self._explored: dict[Action | int, _Explored] = {}

    def explore(self, possible: tuple[Action, ...]) -> Relation:
        """Explore every action, and every continuation they lead to."""
        relation = self.relation
        executable = [action for action in possible if self._can_execute(action)]
        relation.first = [(action, self._explore(action, Section(action))) for action in executable]
        number = 0
        relation.continuations = []
        while number < len(self._sections):
            section = self._sections[number]
            number += 1
            relation.continuations.append((section, self._explore(number, section)))
        return relation

    def widen(self, known: list[int]) -> None:
        """Let variables have more values; what does not depend on them stays explored."""
        widened = {v for v, (old, new) in enumerate(zip(self.relation.known, known, strict=True)) if old != new}
        self.relation.known = known
        self._joined = {key: e for key, e in self._joined.items() if e.consulted.isdisjoint(widened)}
        self._explored = {key: e for key, e in self._explored.items() if e.consulted.isdisjoint(widened)}

    def _can_execute(self, action: Action) -> bool:
        """Whether the acting vCPU can be the one that executes (or is being saved) on the action's CPU."""
        if action.actor is None:
            return True
        layout = self.relation.layout
        name = "saving" if action.operation == "api_regs_state_saved" else "current"
        variable = layout.by_name[self._machine.cpus[action.cpu].key, name].index
        position = layout.positions[variable][action.actor]
        return bool(self.relation.known[variable] >> position & 1)

    def _explore(self, key: Action | int, section: Section) -> Diagram:
        """The diagram of a section, explored unless it is already."""
        found = self._explored.get(key)
        if found is None:
            found = self._explored[key] = self._section(section)
        return found.diagram

    def _section(self, section: Section) -> _Explored:
        """The diagram of a section: run it again and again, each time taking the last Yes back."""
        m, store = self._machine, self.relation.diagrams
        outer, m.consulted = m.consulted, set()
        prefix = list(section.script)
        floor = len(prefix)
        highs: list[Diagram] = []
        while True:
            diagram: Diagram = self._run(section, prefix)
            questions, answers = m.questions, m.answers
            while len(answers) > floor and not answers[-1]:
                answers.pop()
                diagram = store.node(*questions[len(answers)], highs.pop(), diagram)
            if len(answers) == floor:
                explored = _Explored(diagram, m.consulted)
                m.consulted = outer | explored.consulted
                return explored
            highs.append(diagram)
            answers[-1] = False
            prefix = list(answers)

    def _run(self, section: Section, script: list[bool]) -> Diagram:
        """One path of a section: its leaf, or the diagram of the section it joins."""
        m = self._machine
        keep = self._granularity is Granularity.HANDLER
        m.begin(self.relation.known, section.action.cpu, script, section.stops, keep)
        try:
            reply = perform(m, section.action, self._assume)
        except Halt as halt:
            return self._leaf(halt.outcome, halt.where)
        except Suspend as suspend:
            return self._suspended(section, suspend)
        if not keep:
            self._set_section(section.action.cpu, 0)
        return self._leaf(Outcome.RETURN, reply=reply)

    def _suspended(self, section: Section, suspend: Suspend) -> Diagram:
        """The operation stopped at a window: go on there at once, or let a continuation be scheduled."""
        m = self._machine
        place = _canonical_frames(suspend.frames), tuple(handle.key for handle in m.held)
        if self._granularity is Granularity.HANDLER or not suspend.window:
            key = (place, self._writes(), _labels(m.labels))
            if key not in self._joined:
                window = suspend.window or section.window
                following = Section(section.action, window, tuple(m.answers), m.passed_stops + 1)
                questions, answers = m.questions, m.answers
                self._joined[key] = self._section(following)
                m.questions, m.answers = questions, answers
            m.consulted |= self._joined[key].consulted
            return self._joined[key].diagram
        reached = Section(section.action, suspend.window, tuple(m.answers), m.passed_stops + 1)
        number = self._numbers.get(place, 0)
        if number:
            self._sections[number - 1] = reached
        else:
            self._sections.append(reached)
            number = self._numbers[place] = len(self._sections)
        self._set_section(section.action.cpu, number)
        return self._leaf(Outcome.SUSPENDED, suspend.window, section=number)

    def _set_section(self, cpu: int, number: int) -> None:
        self._machine.writes[self._machine.cpus[cpu].slots["section"]] = number

    def _writes(self) -> tuple[Write, ...]:
        """What the path writes, without what it writes back unchanged."""
        m = self._machine
        found: list[Write] = []
        for variable, written in sorted(m.writes.items()):
            if isinstance(written, Lazy):
                known = m.known[written.variable]
                if written.variable == variable:
                    continue
                if known & (known - 1):
                    found.append((variable, Copy(written.variable)))
                    continue
                written = known.bit_length() - 1
            m.consulted.add(variable)
            if m.known[variable] != 1 << written:
                found.append((variable, written))
        return tuple(found)

    def _leaf(self, outcome: Outcome, where: str = "", reply: FfaValue | None = None, section: int = 0) -> Leaf:
        if outcome in (Outcome.DISABLED, Outcome.BLOCKED):
            return self.relation.diagrams.leaf(Leaf((), outcome))
        labels = self._machine.labels
        return self.relation.diagrams.leaf(
            Leaf(self._writes(), outcome, where, reply, *_labels(labels), section=section)
        )


def _labels(labels: Labels) -> tuple[Any, Any, Any]:
    return tuple(labels.delivered), tuple(labels.events), tuple(labels.refused)


def _canonical_frames(frames: list[FrameType]) -> tuple[Any, ...]:
    """A name for where an operation stands: its functions, their positions and their local variables."""
    return tuple(
        (
            frame.f_code.co_name,
            frame.f_lasti,
            tuple((name, _canonical(value)) for name, value in sorted(frame.f_locals.items()) if name != "m"),
        )
        for frame in frames
    )


def _canonical(value: Any) -> Any:
    """A hashable name for a local variable's value."""
    match value:
        case Lazy():
            return _canonical(value.resolve()) if value.is_resolved else ("unread", value.variable)
        case Handle():
            return value.key
        case tuple():
            return tuple(_canonical(item) for item in value)
        case None | bool() | int() | str() | Enum() | Key() | Action() | Assumptions() | FfaValue() | DirectMessage():
            return value
        case _ if value is NULL:
            return "NULL"
    raise TypeError(f"a local variable that cannot be compared is alive at a window: {value!r}")


def full_masks(layout: Layout) -> list[int]:
    """Every value of every variable, but free locks: no operation is in progress."""
    return [1 if variable.field in ("lock", "section") else variable.full for variable in layout.variables]


def initial_masks(layout: Layout) -> list[int]:
    """Only the initial value of every variable; any of a free variant."""
    initial = [1 << position for position in layout.initial()]
    return initial[: layout.first_variant] + [v.full for v in layout.variables[layout.first_variant :]]


def build_relation(
    topology: Topology,
    assume: Assumptions,
    granularity: Granularity = Granularity.HANDLER,
    assertions: bool = True,
    variants: Variants = DEFAULT_VARIANTS,
) -> Relation:
    """The relation of a topology for the values its variables can take from the initial state on.

    Those values are the least fixed point of what the explored paths write: an invariant of the relation.
    """
    layout = Layout(topology, variants=variants)
    possible = actions(topology, assume)
    explorer = Explorer(layout, assume, granularity, initial_masks(layout), assertions)
    while True:
        relation = explorer.explore(possible)
        grown = _grow(relation, relation.known)
        if grown == relation.known:
            return relation
        explorer.widen(grown)


def _grow(relation: Relation, known: list[int]) -> list[int]:
    """The values that variables can have after a step as well."""
    grown = list(known)
    roots = [diagram for _, diagram in (*relation.first, *relation.continuations)]
    for root in roots:
        for leaf in leaves(root):
            if leaf.outcome.is_failure:
                continue
            for variable, written in leaf.writes:
                grown[variable] |= known[written.variable] if isinstance(written, Copy) else 1 << written
    return grown
