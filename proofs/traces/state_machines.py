"""The VM and vCPU machines as the code has them: what the tables allow, and which operations take which edge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from model.environment import DEFAULT, Action, Assumptions
from model.exploration import build_relation
from model.machine import Halt
from model.operations.vcpu import vcpu_state_set
from model.operations.vm import vm_set_state
from model.readings import Concrete
from model.system import perform
from model.topology import BUILT_IN, Topology
from model.values import VcpuState, VmState, ffa_is_vm_id
from model.variables import Key, Layout, vcpu_key, vm_key
from proofs.engines.successors import State, Successors
from proofs.traces.trace import Trace
from proofs.traces.words import operation_text

SEARCHED = ("1x2", "2x1-up", "2x1-mp")
"""The topologies on which the operations are executed."""

MOST_STATES = 8_000
"""States visited per topology; more of them show no further edge."""

EdgeName = tuple[str, str, str]
"""Kind, source, target."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A transition: whether its table allows it, which operations take it, at which steps of a trace."""

    source: str
    target: str
    is_legal: bool
    operations: tuple[str, ...]
    steps: tuple[int, ...] = ()

    @property
    def is_dead(self) -> bool:
        """Whether the table allows it, but no operation takes it."""
        return not self.operations


@dataclass(frozen=True, slots=True)
class StateMachine:
    """One of the two machines.  A trap is a state that operations enter and none leaves."""

    kind: str
    states: tuple[str, ...]
    edges: tuple[Edge, ...]
    initial: str

    @property
    def traps(self) -> frozenset[str]:
        """The states that are entered and never left."""
        taken = [edge for edge in self.edges if not edge.is_dead]
        return frozenset(edge.target for edge in taken) - {edge.source for edge in taken}

    @property
    def unreached(self) -> frozenset[str]:
        """The states that no operation enters."""
        return frozenset(self.states) - {e.target for e in self.edges if not e.is_dead} - {self.initial}


def state_machines(overlay: Trace | None = None) -> tuple[StateMachine, StateMachine]:
    """The machines of SPs' VMs and vCPUs; `overlay` marks the edges that a trace takes."""
    taken = taken_edges()
    marked = _edges_of(overlay) if overlay else {}
    return (
        _machine("vm", VmState, legal_edges("vm"), taken, marked, VmState.NULL),
        _machine("vcpu", VcpuState, legal_edges("vcpu"), taken, marked, VcpuState.CREATED),
    )


def _machine(
    kind: str,
    states: type[Enum],
    legal: frozenset[EdgeName],
    taken: dict[EdgeName, tuple[str, ...]],
    marked: dict[EdgeName, list[int]],
    initial: Enum,
) -> StateMachine:
    names = sorted(name for name in legal | set(taken) if name[0] == kind)
    edges = (Edge(name[1], name[2], name in legal, taken.get(name, ()), tuple(marked.get(name, ()))) for name in names)
    return StateMachine(kind, tuple(state.name for state in states), tuple(edges), initial.name)


@cache
def legal_edges(kind: str) -> frozenset[EdgeName]:
    """What vm_set_state or vcpu_state_set allows for an SP, found by calling it for every pair of states."""
    m = Concrete(Layout(BUILT_IN["1x2"]))
    m.begin(m.layout.initial(), 0)
    handle = m.handles[vm_key(0x8001) if kind == "vm" else vcpu_key(0x8001, 0)]
    set_state: Any = vm_set_state if kind == "vm" else vcpu_state_set
    states: Iterable[Any] = VmState if kind == "vm" else VcpuState
    found = set()
    for source in states:
        for target in states:
            handle.state = source
            if source is not target and set_state(m, handle, target):
                found.add((kind, source.name, target.name))
    return frozenset(found)


@cache
def taken_edges() -> dict[EdgeName, tuple[str, ...]]:
    """The operations that take each edge, the ones within an operation included."""
    found: defaultdict[EdgeName, set[str]] = defaultdict(set)
    for name in SEARCHED:
        for action, edges in _executed(BUILT_IN[name], DEFAULT):
            for edge in edges:
                found[edge].add(operation_text(action))
    return {edge: tuple(sorted(names)) for edge, names in found.items()}


def _executed(topology: Topology, assume: Assumptions) -> Iterable[tuple[Action, list[EdgeName]]]:
    """Every way in which an action changes lifecycle state, each executed once, from a reachable state."""
    successors = Successors(build_relation(topology, assume))
    machine = _Watched(successors.relation.layout)
    lifecycle = [v.index for v in successors.relation.layout.variables if v.field == "state"]
    executed: set[Any] = set()
    states: list[State] = [successors.initial()]
    known = set(states)
    for state in states:
        for choice, leaf in successors.steps(state):
            way = (choice.action, id(leaf), tuple(state[index] for index in lifecycle))
            if way not in executed:
                executed.add(way)
                yield choice.action, machine.execute(state, choice.action, assume)
            if not leaf.outcome.is_failure and len(states) < MOST_STATES:
                after = successors.after(state, leaf)
                if after not in known:
                    known.add(after)
                    states.append(after)


class _Watched(Concrete):
    """A concrete machine that notes how the lifecycle states of SPs change."""

    def execute(self, state: State, action: Action, assume: Assumptions) -> list[EdgeName]:
        """The edges that an action takes in a state."""
        self._edges: list[EdgeName] = []
        self.begin(list(state), action.cpu)
        try:
            perform(self, action, assume)
        except Halt:
            return self._edges
        return self._edges

    def set(self, variable: int, value: Any) -> None:
        owner, field = self.layout.variables[variable].owner, self.layout.variables[variable].field
        if field == "state" and not _is_other_world(owner):
            old = self.get(variable)
            if old != value:
                self._edges.append((owner.kind, old.name, value.name))
        super().set(variable, value)


def _edges_of(trace: Trace) -> dict[EdgeName, list[int]]:
    """The steps of a trace that take each edge, as seen from outside of them."""
    found: defaultdict[EdgeName, list[int]] = defaultdict(list)
    for number, step in enumerate(trace.steps, 1):
        for change in step.changes:
            if change.field == "state" and not _is_other_world(change.object):
                found[change.object.kind, change.old, change.new].append(number)
    return found


def _is_other_world(key: Key) -> bool:
    return ffa_is_vm_id(key.first)


def edge_text(edge: Edge) -> str:
    """What is to be said of an edge: its operations, or that it is dead, or that its table forbids it."""
    if edge.is_dead:
        return "dead: allowed, never taken"
    forbidden = "" if edge.is_legal else ", written past the table"
    return ", ".join(edge.operations) + forbidden


def notes_of(machine: StateMachine) -> Sequence[str]:
    """The states worth a remark."""
    remarks = [f"{state} is a trap: entered, never left" for state in sorted(machine.traps)]
    return [*remarks, *(f"{state} is never entered" for state in sorted(machine.unreached))]
