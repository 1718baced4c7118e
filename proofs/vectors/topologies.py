"""What the machine for a vector is built from: its topology, checked, and the ids that its operation can meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from model.topology import Partition, PartitionKind, Topology
from model.values import (
    ARM_SEL2_TIMER_PHYS_INT,
    HF_IPI_INTID,
    HF_MANAGED_EXIT_INTID,
    HF_NWD_VM_ID,
    HF_SPMC_VM_ID,
    HF_SPMD_VM_ID,
    HF_VIRTUAL_TIMER_INTID,
    InterruptAction,
    World,
    ffa_is_vm_id,
)
from model.variables import LOGICAL_PARTITION_ID
from proofs.vectors.format import RecordedTopology, RecordedVm, Vector, VectorError

LARGEST_VM_ID: Final = 0xFFFF

COMMON_SENDERS: Final = frozenset(
    f"{vm_id:#x}" for vm_id in (HF_NWD_VM_ID, HF_SPMC_VM_ID, HF_SPMD_VM_ID, LOGICAL_PARTITION_ID)
)
"""Ids that every machine knows, so that vectors of one topology share a machine."""

FIXED_IDS: Final = {
    World.SPMC: {PartitionKind.OTHER_WORLD: 0x0},
    World.HYPERVISOR: {PartitionKind.PRIMARY: 0x1, PartitionKind.OTHER_WORLD: 0x8000},
}
"""The VMs that each build has, exactly one of each kind, with an id of their own and a vCPU for every CPU."""

LOADED_KIND: Final = {World.SPMC: PartitionKind.SP, World.HYPERVISOR: PartitionKind.VM}


@dataclass(frozen=True, slots=True)
class Setting:
    """What vectors that can run on one machine have in common.

    `interrupt_ids` are the virtual interrupts met, `senders` the VM ids beyond the topology's and the common ones.
    """

    variant: str
    topology: RecordedTopology
    interrupt_ids: frozenset[int]
    senders: frozenset[str]


def setting_of(vector: Vector) -> Setting:
    """The setting of a vector."""
    ids: set[int] = set()
    senders = {name for name in (vector.op.args.get("sender"),) if isinstance(name, str)}
    for fields in vector.pre.vcpu.values():
        if isinstance(fields.dir_req_origin, str):
            senders.add(fields.dir_req_origin)
        if fields.vint_pending:
            ids.update(fields.vint_pending)
        if fields.vint_enabled:
            ids.update(fields.vint_enabled)
    for vm in vector.topology.vms:
        senders.discard(vm.id)
        if vm.ns_interrupts_action == "ME":
            ids.add(HF_MANAGED_EXIT_INTID)
    intid = vector.op.args.get("intid")
    if intid == ARM_SEL2_TIMER_PHYS_INT:
        ids.add(HF_VIRTUAL_TIMER_INTID)
    elif intid == HF_IPI_INTID:
        ids.add(HF_IPI_INTID)
    return Setting(vector.variant, vector.topology, frozenset(ids), frozenset(senders - COMMON_SENDERS))


def vm_id(text: str) -> int:
    """The VM id that vectors write as `0x8001`.  Raises VectorError for any other spelling."""
    try:
        value = int(text, 16)
    except ValueError:
        value = -1
    if not 0 <= value <= LARGEST_VM_ID or f"{value:#x}" != text:
        raise VectorError(f"'{text}' is not a VM id")
    return value


def topology_of(setting: Setting) -> Topology:
    """The topology of a setting.  The interrupts that an SP has enabled are part of its state, not of this.

    Raises VectorError for one that Hafnium cannot have.
    """
    world = World(setting.variant)
    recorded = setting.topology
    partitions = tuple(_partition(vm) for vm in recorded.vms)
    _check_kinds(world, partitions)
    _check_vcpus(recorded.cpus, partitions)
    booted = [vm.boot_order for vm in recorded.vms if vm.kind != "other_world"]
    if booted != sorted(booted):
        raise VectorError("the topology does not list its VMs in boot order")
    return Topology("recorded", world, recorded.cpus, partitions)


def _check_kinds(world: World, partitions: tuple[Partition, ...]) -> None:
    fixed = FIXED_IDS[world]
    if len({p.id for p in partitions}) != len(partitions):
        raise VectorError("the topology has two VMs with the same id")
    if {p.kind: p.id for p in partitions if p.kind in fixed} != fixed:
        needed = " and ".join(f"{kind.value} {identifier:#x}" for kind, identifier in fixed.items())
        raise VectorError(f"the topology of the {world.value} needs {needed}")
    loaded = [p for p in partitions if p.id not in fixed.values()]
    for p in loaded:
        if p.kind is not LOADED_KIND[world] or ffa_is_vm_id(p.id) is (world is World.SPMC):
            raise VectorError(f"the topology of the {world.value} cannot have {p.kind.value} {p.id:#x}")
    if not loaded:
        raise VectorError(f"the topology has no {LOADED_KIND[world].value}")


def _check_vcpus(cpus: int, partitions: tuple[Partition, ...]) -> None:
    for p in partitions:
        may_be_up = p.kind in LOADED_KIND.values()
        if p.vcpu_count != cpus and not (may_be_up and p.vcpu_count == 1):
            raise VectorError(f"{p.kind.value} {p.id:#x} has {p.vcpu_count} vCPUs, but there are {cpus} CPUs")


def _partition(vm: RecordedVm) -> Partition:
    return Partition(
        id=vm_id(vm.id),
        kind=PartitionKind(vm.kind),
        vcpu_count=vm.vcpus,
        el0=vm.el0,
        lifecycle_support=vm.lifecycle_support,
        cpu_off_subscribed=vm.cpu_off_subscribed,
        sri_intr_while_waiting=vm.sri_intr_while_waiting,
        sri_intr_pending_entry_wait=vm.sri_intr_pending_entry_wait,
        ns_interrupts_action=InterruptAction[vm.ns_interrupts_action],
        other_s_interrupts_action=InterruptAction[vm.other_s_interrupts_action],
        interrupts=vm.interrupts,
        interrupts_enabled=False,
    )
