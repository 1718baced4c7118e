"""Topologies: how many CPUs, which partitions, what each manifest says.  Data only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from model.values import InterruptAction, World


class PartitionKind(Enum):
    """Who a partition is: secure partition, VM, primary VM, or the stand-in for the other world."""

    SP = "sp"
    VM = "vm"
    PRIMARY = "primary"
    OTHER_WORLD = "other_world"


@dataclass(frozen=True, slots=True)
class Partition:
    """One VM structure of Hafnium and what its manifest says (src/manifest.c, inc/hf/vm.h: struct vm)."""

    id: int
    kind: PartitionKind
    vcpu_count: int
    el0: bool = False
    lifecycle_support: bool = False
    cpu_off_subscribed: bool = False
    sri_intr_while_waiting: bool = False
    sri_intr_pending_entry_wait: bool = False
    ns_interrupts_action: InterruptAction = InterruptAction.QUEUED
    other_s_interrupts_action: InterruptAction = InterruptAction.QUEUED
    interrupts: tuple[int, ...] = ()
    interrupts_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Topology:
    """CPUs and partitions; `partitions` lists the boot list first, in boot order, then the other world."""

    name: str
    world: World
    cpus: int
    partitions: tuple[Partition, ...]
    description: str = ""

    @property
    def secure_partitions(self) -> tuple[Partition, ...]:
        """The partitions of the SPMC's boot list."""
        return tuple(p for p in self.partitions if p.kind is PartitionKind.SP)


SP = PartitionKind.SP


def spmc(name: str, cpus: int, partitions: tuple[Partition, ...], description: str) -> Topology:
    """An SPMC topology: the partitions in boot order, then the other world."""
    other_world = Partition(0x0, PartitionKind.OTHER_WORLD, cpus)
    return Topology(name, World.SPMC, cpus, (*partitions, other_world), description)


def _hypervisor(name: str, cpus: int, vms: tuple[Partition, ...], description: str) -> Topology:
    primary = Partition(0x1, PartitionKind.PRIMARY, cpus)
    other_world = Partition(0x8000, PartitionKind.OTHER_WORLD, cpus)
    return Topology(name, World.HYPERVISOR, cpus, (primary, *vms, other_world), description)


def _grid(size: int) -> Topology:
    """A square topology: multiprocessor and uniprocessor SPs by turns, every one owning an interrupt."""
    partitions = tuple(
        Partition(
            0x8001 + index,
            SP,
            size if index % 2 == 0 else 1,
            lifecycle_support=index % 2 == 1,
            cpu_off_subscribed=index % 2 == 0,
            interrupts=(40 + index,),
        )
        for index in range(size)
    )
    return spmc(f"{size}x{size}", size, partitions, f"{size} CPUs, {size} SPs, MP and UP by turns")


def _preemptible(partition: Partition) -> Partition:
    """The partition, letting non-secure and other secure interrupts preempt it."""
    signaled = InterruptAction.SIGNALED
    return replace(partition, ns_interrupts_action=signaled, other_s_interrupts_action=signaled)


MP = Partition(0x8001, SP, 2, cpu_off_subscribed=True, interrupts=(40,))
UP = Partition(0x8002, SP, 1, lifecycle_support=True, interrupts=(41,))

BUILT_IN: dict[str, Topology] = {
    topology.name: topology
    for topology in (
        spmc(
            "1x2",
            1,
            (
                replace(UP, id=0x8001, lifecycle_support=False, interrupts=(40,)),
                _preemptible(UP),
            ),
            "one CPU, two UP SPs, the second one lifecycle-aware and preemptible",
        ),
        spmc(
            "1x2-signalled",
            1,
            (_preemptible(replace(UP, id=0x8001, interrupts=(40,))), _preemptible(UP)),
            "one CPU, two UP SPs, both lifecycle-aware and preemptible",
        ),
        spmc(
            "1x2-managed-exit",
            1,
            (
                replace(UP, id=0x8001, interrupts=(40,)),
                replace(_preemptible(UP), ns_interrupts_action=InterruptAction.ME),
            ),
            "one CPU, two UP SPs, the second one preemptible, with managed exit",
        ),
        spmc(
            "1x2-el0",
            1,
            (
                replace(UP, id=0x8001, el0=True, sri_intr_pending_entry_wait=True, interrupts=(40, 42)),
                replace(_preemptible(UP), sri_intr_while_waiting=True),
            ),
            "one CPU, an S-EL0 SP with two interrupts, a preemptible S-EL1 one; the scheduler may be told of theirs",
        ),
        spmc(
            "1x3",
            1,
            (Partition(0x8001, SP, 1), replace(UP, interrupts=()), Partition(0x8003, SP, 1)),
            "one CPU, three UP SPs without interrupts, the second one lifecycle-aware",
        ),
        spmc("2x1-mp", 2, (MP,), "two CPUs, one MP SP subscribed to CPU_OFF"),
        spmc(
            "2x1-mp-silent",
            2,
            (replace(_preemptible(MP), cpu_off_subscribed=False, interrupts=()),),
            "two CPUs, one preemptible MP SP that is not told of CPU_OFF and owns no interrupt",
        ),
        spmc(
            "2x1-up",
            2,
            (replace(_preemptible(UP), id=0x8001),),
            "two CPUs, one UP, lifecycle-aware, preemptible SP",
        ),
        spmc("2x2", 2, (MP, UP), "two CPUs, an MP and a UP SP"),
        spmc(
            "2x2-up",
            2,
            (_preemptible(replace(UP, id=0x8001, interrupts=(40,))), replace(_preemptible(UP), interrupts=())),
            "two CPUs, two preemptible UP SPs, the first one with an interrupt",
        ),
        spmc(
            "2x2-up-silent",
            2,
            (replace(UP, id=0x8001, interrupts=()), replace(UP, interrupts=())),
            "two CPUs, two UP SPs without interrupts",
        ),
        spmc(
            "2x2-up-first",
            2,
            (replace(UP, id=0x8001, interrupts=()), replace(MP, id=0x8002, interrupts=())),
            "two CPUs, a UP SP, and behind it an MP SP subscribed to CPU_OFF; no interrupts",
        ),
        spmc(
            "2x2-mp",
            2,
            (replace(MP, interrupts=()), Partition(0x8002, SP, 2)),
            "two CPUs, two MP SPs, the first subscribed to CPU_OFF; no interrupts",
        ),
        spmc(
            "2x2-mp-both",
            2,
            (replace(MP, interrupts=()), replace(MP, id=0x8002, interrupts=())),
            "two CPUs, two MP SPs, both subscribed to CPU_OFF; no interrupts",
        ),
        spmc(
            "2x3",
            2,
            (MP, UP, Partition(0x8003, SP, 2, interrupts=(42,))),
            "two CPUs, two MP SPs and a UP one",
        ),
        _hypervisor(
            "hypervisor-2x1",
            2,
            (Partition(0x2, PartitionKind.VM, 2),),
            "hypervisor build: two CPUs, the primary VM and one secondary VM with two vCPUs",
        ),
        _grid(4),
        _grid(8),
    )
}
