"""The state variables of a topology: names, finite domains, and a compact state of small integers."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

from model.topology import Partition, PartitionKind, Topology
from model.values import (
    HF_INVALID_VM_ID,
    HF_MANAGED_EXIT_INTID,
    HF_NWD_VM_ID,
    HF_SPMC_VM_ID,
    InterruptAction,
    PowerOperation,
    PriorityMask,
    RuntimeModel,
    SchedulingMode,
    VcpuState,
    VmState,
    World,
)
from model.variants import DEFAULT_VARIANTS, VARIANT_BY_NAME, Variants

Value = Hashable
"""A value of a domain: enum member, bool, int, tuple of interrupt ids, object key, or None."""

LOGICAL_PARTITION_ID = 0xFFC0
"""The EL3 logical partition in whose name the model's EL3 sends direct requests."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """The name of a modelled object: `vm:0x8001`, `vcpu:0x8001.0`, `cpu:1`."""

    kind: str
    first: int
    second: int = 0

    def __str__(self) -> str:
        if self.kind == "vcpu":
            return f"{self.first:#x}.{self.second}"
        return f"{self.first:#x}" if self.kind == "vm" else f"{self.first}"


def vm_key(vm_id: int) -> Key:
    """The key of a VM."""
    return Key("vm", vm_id)


def vcpu_key(vm_id: int, index: int) -> Key:
    """The key of a vCPU."""
    return Key("vcpu", vm_id, index)


def cpu_key(index: int) -> Key:
    """The key of a physical CPU."""
    return Key("cpu", index)


def variant_key(number: int) -> Key:
    """The key of a free variant: its number among them, in the order of their names."""
    return Key("variant", number)


@dataclass(frozen=True, slots=True)
class Variable:
    """One state variable: its position in a state, owner, field name, and the values it can take."""

    index: int
    owner: Key
    field: str
    domain: tuple[Value, ...]

    @property
    def full(self) -> int:
        """The bit mask of the whole domain."""
        return (1 << len(self.domain)) - 1

    def __str__(self) -> str:
        return f"{self.owner.kind} {self.owner} {self.field}"


BOOLEAN: tuple[Value, ...] = (False, True)


class Layout:
    """The variables of a topology.  A state is a tuple of domain positions, one for each variable.

    The last variables are the free variants, which no operation writes.
    """

    def __init__(
        self,
        topology: Topology,
        interrupt_ids: tuple[int, ...] = (),
        sender_ids: tuple[int, ...] = (),
        variants: Variants = DEFAULT_VARIANTS,
    ):
        """`interrupt_ids` and `sender_ids` extend the domains beyond what the topology itself needs."""
        self.topology = topology
        self.variants = variants
        self._interrupt_ids = interrupt_ids
        self._sender_ids = sender_ids
        self.cpu_keys = tuple(cpu_key(index) for index in range(topology.cpus))
        self.vcpu_keys = tuple(vcpu_key(p.id, index) for p in topology.partitions for index in range(p.vcpu_count))
        self.variables: tuple[Variable, ...] = tuple(
            Variable(index, owner, field, domain) for index, (owner, field, domain) in enumerate(self._declare())
        )
        self.by_name = {(v.owner, v.field): v for v in self.variables}
        self.first_variant = len(self.variables) - len(variants.free)

    @cached_property
    def positions(self) -> tuple[dict[Value, int], ...]:
        """For each variable, the position of each value of its domain."""
        return tuple({value: position for position, value in enumerate(v.domain)} for v in self.variables)

    def interrupts_of(self, partition: Partition) -> tuple[int, ...]:
        """The virtual interrupts that can be pending for a partition's vCPUs."""
        managed_exit = {HF_MANAGED_EXIT_INTID} if partition.ns_interrupts_action is InterruptAction.ME else set()
        return tuple(sorted({*partition.interrupts, *self._interrupt_ids, *managed_exit}))

    def value(self, state: tuple[int, ...] | list[int] | bytes, owner: Key, field: str) -> Value:
        """The value of a field in a state."""
        variable = self.by_name[owner, field]
        return variable.domain[state[variable.index]]

    def initial(self) -> list[int]:
        """Every variable at its value before anything was loaded (src/vm.c: vm_init, src/vcpu.c: vcpu_init)."""
        state = [0] * len(self.variables)
        for variable in self.variables:
            state[variable.index] = self.positions[variable.index][self._initial_value(variable)]
        return state

    def _initial_value(self, variable: Variable) -> Value:
        if variable.owner.kind == "vcpu":
            partition = next(p for p in self.topology.partitions if p.id == variable.owner.first)
            if variable.field == "cpu" and partition.kind is PartitionKind.OTHER_WORLD:
                return cpu_key(variable.owner.second)
            if variable.field == "vint_enabled" and partition.interrupts_enabled:
                return self.interrupts_of(partition)
        if variable.field == "is_on":
            return variable.owner.first == 0
        return _INITIAL.get((variable.owner.kind, variable.field), variable.domain[0])

    def _declare(self) -> Iterator[tuple[Key, str, tuple[Value, ...]]]:
        pointer: tuple[Value, ...] = (None, *self.vcpu_keys)
        cpus: tuple[Value, ...] = (None, *self.cpu_keys)
        for p in self.topology.partitions:
            yield vm_key(p.id), "state", tuple(VmState)
            yield vm_key(p.id), "lock", cpus
            if self.variants.keeps_flag:
                yield vm_key(p.id), "aborting", BOOLEAN
        for p in self.topology.partitions:
            pending, enabled = self._interrupt_domains(p)
            for index in range(p.vcpu_count):
                owner = vcpu_key(p.id, index)
                yield owner, "state", tuple(VcpuState)
                yield owner, "rt_model", tuple(RuntimeModel)
                yield owner, "scheduling_mode", tuple(SchedulingMode)
                yield owner, "regs_available", BOOLEAN
                yield owner, "cpu", cpus
                yield owner, "dir_req_origin", self._origins()
                yield owner, "dir_req2", BOOLEAN
                yield owner, "dir_req_framework", BOOLEAN
                yield owner, "pwr_mgmt_op", tuple(PowerOperation)
                yield owner, "preempted_vcpu", pointer
                yield owner, "call_chain_prev", pointer
                yield owner, "call_chain_next", pointer
                yield owner, "prev_interrupt_priority", tuple(PriorityMask)
                yield owner, "processing_managed_exit", BOOLEAN
                yield owner, "vint_pending", pending
                yield owner, "vint_enabled", enabled
                yield owner, "lock", cpus
        for key in self.cpu_keys:
            yield key, "current", pointer
            yield key, "saving", pointer
            yield key, "section", ("idle", "suspended")
            yield key, "is_on", BOOLEAN
            yield key, "last_sp_initialized", BOOLEAN
            yield key, "priority_mask", tuple(PriorityMask)
            yield key, "lock", cpus
        for number, name in enumerate(sorted(self.variants.free)):
            yield variant_key(number), name, VARIANT_BY_NAME[name].alternatives

    def _interrupt_domains(self, partition: Partition) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
        """The pending queues (arrangements) and the enabled sets of a partition's virtual interrupts."""
        ids = self.interrupts_of(partition)
        queues = tuple(queue for length in range(len(ids) + 1) for queue in permutations(ids, length))
        return queues, tuple(queue for queue in queues if list(queue) == sorted(queue))

    def _origins(self) -> tuple[Value, ...]:
        """No request, then every id a direct request can carry as its sender."""
        ids = {p.id for p in self.topology.partitions} | set(self._sender_ids)
        if self.topology.world is World.SPMC:
            ids |= {HF_NWD_VM_ID, HF_SPMC_VM_ID, LOGICAL_PARTITION_ID}
        return (HF_INVALID_VM_ID, *sorted(ids))


_INITIAL: dict[tuple[str, str], Value] = {
    ("vcpu", "state"): VcpuState.CREATED,
    ("vcpu", "rt_model"): RuntimeModel.SP_INIT,
    ("vcpu", "regs_available"): True,
    ("vcpu", "prev_interrupt_priority"): PriorityMask.ALL_MASKED,
    ("cpu", "priority_mask"): PriorityMask.OPEN,
}
