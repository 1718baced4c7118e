"""How a property is stated: an id, plain words, a kind, a scope, and a predicate over handles.

Predicates are written once and read like operations are: on a concrete state by traces, symbolically by the
engines. They only read fields of the handles they are given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from model.environment import Action, Assumptions
from model.machine import NULL, Machine, Outcome
from model.topology import PartitionKind, Topology
from model.values import FfaValue, World
from model.variables import Key, cpu_key, vcpu_key, vm_key


class Kind(Enum):
    """What a property says of an execution."""

    ALWAYS = "always"
    """Of every reachable state."""
    STEP = "step"
    """Of every step from a reachable state."""
    SOMETIMES = "sometimes"
    """Of some step: it fails if none is reachable."""
    RECOVERABLE = "recoverable"
    """From every reachable state, a good state can still be reached."""


@dataclass(frozen=True, slots=True)
class StepLabel:
    """What a step shows besides its states: who did what, how it ended, what was said to whom."""

    action: Action
    outcome: Outcome
    where: str
    reply: FfaValue | None
    delivered: tuple[tuple[Key, FfaValue], ...]
    events: tuple[str, ...]
    refused: tuple[str, ...]
    first: bool
    """Whether the step starts the operation (and is not a continuation after a window)."""


StatePredicate = Callable[..., bool]
"""For ALWAYS and RECOVERABLE: (machine, *objects) -> bool."""
StepPredicate = Callable[..., bool]
"""For STEP and SOMETIMES: (label, before, after, *objects) -> bool, objects alternating before, after."""


@dataclass(frozen=True, slots=True)
class Property:
    """A statement about the lifecycle.

    `holds` is evaluated for each tuple of objects that `over` yields for a topology. `antecedent`, of the same
    signature, says when the statement is not trivially true: the vacuity witness is a state or step where it
    is. `assuming` names behaviours of the environment that the property excludes (see Assumptions).
    """

    id: str
    title: str
    text: str
    kind: Kind
    over: Callable[[Topology], Iterable[tuple[Key, ...]]]
    holds: StatePredicate | StepPredicate
    antecedent: StatePredicate | StepPredicate
    sources: tuple[str, ...]
    worlds: tuple[World, ...] = (World.SPMC,)
    assuming: tuple[str, ...] = ()
    refines: str | None = None
    causes: bool = False
    """Whether the property can fail in several ways that are told apart by the check that failed."""
    in_operations: bool = False
    """Of a RECOVERABLE property: whether it is about operations in progress, not about what lies between them."""

    def applies_to(self, topology: Topology) -> bool:
        """Whether the property says anything about a topology."""
        return topology.world in self.worlds and any(True for _ in self.over(topology))

    def assumptions(self, assume: Assumptions) -> Assumptions:
        """The environment's behaviours the property is stated for."""
        return assume.without(*self.assuming)


def once(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """A statement about the system as a whole."""
    return [()]


def each_sp_vcpu(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every vCPU of a secure partition."""
    for partition in topology.partitions:
        if partition.kind is PartitionKind.SP:
            for index in range(partition.vcpu_count):
                yield (vcpu_key(partition.id, index),)


def each_up_sp_vcpu(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every vCPU of a uniprocessor SP."""
    for partition in topology.partitions:
        if partition.kind is PartitionKind.SP and partition.vcpu_count == 1:
            yield (vcpu_key(partition.id, 0),)


def each_mp_sp_vcpu(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every vCPU of a multiprocessor SP."""
    for partition in topology.partitions:
        if partition.kind is PartitionKind.SP and partition.vcpu_count > 1:
            for index in range(partition.vcpu_count):
                yield (vcpu_key(partition.id, index),)


def each_partition_vcpu(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every vCPU of a secure partition or a secondary VM."""
    for partition in topology.partitions:
        if partition.kind in (PartitionKind.SP, PartitionKind.VM):
            for index in range(partition.vcpu_count):
                yield (vcpu_key(partition.id, index),)


def each_vm(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every partition that is loaded: SPs, the primary VM, secondary VMs."""
    for partition in topology.partitions:
        if partition.kind is not PartitionKind.OTHER_WORLD:
            yield (vm_key(partition.id),)


def each_cpu(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every physical CPU."""
    for index in range(topology.cpus):
        yield (cpu_key(index),)


def always_true(*_: object) -> bool:
    """The antecedent of a statement without one."""
    return True


def at_rest(m: Machine) -> bool:
    """Whether no operation is in progress and every finished switch has saved its registers."""
    return all(bool(cpu.saving == NULL) and bool(cpu.section == "idle") for cpu in m.cpus)
