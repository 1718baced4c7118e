"""Topologies: how many CPUs, which partitions, what each manifest says.  Data only."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from model.values import InterruptAction, World

MAX_CPUS = 8
MAX_PARTITIONS = 16


class TopologyError(ValueError):
    """A topology description is malformed; the message is one sentence naming the place."""


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


def _spmc(name: str, cpus: int, partitions: tuple[Partition, ...], description: str) -> Topology:
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
    return _spmc(f"{size}x{size}", size, partitions, f"{size} CPUs, {size} SPs, MP and UP by turns")


def _preemptible(partition: Partition) -> Partition:
    """The partition, letting non-secure and other secure interrupts preempt it."""
    signaled = InterruptAction.SIGNALED
    return replace(partition, ns_interrupts_action=signaled, other_s_interrupts_action=signaled)


MP = Partition(0x8001, SP, 2, cpu_off_subscribed=True, interrupts=(40,))
UP = Partition(0x8002, SP, 1, lifecycle_support=True, interrupts=(41,))

BUILT_IN: dict[str, Topology] = {
    topology.name: topology
    for topology in (
        _spmc(
            "1x2",
            1,
            (
                replace(UP, id=0x8001, lifecycle_support=False, interrupts=(40,)),
                _preemptible(UP),
            ),
            "one CPU, two UP SPs, the second one lifecycle-aware and preemptible",
        ),
        _spmc("2x1-mp", 2, (MP,), "two CPUs, one MP SP subscribed to CPU_OFF"),
        _spmc(
            "2x1-mp-silent",
            2,
            (replace(_preemptible(MP), cpu_off_subscribed=False, interrupts=()),),
            "two CPUs, one preemptible MP SP that is not told of CPU_OFF and owns no interrupt",
        ),
        _spmc(
            "2x1-up",
            2,
            (replace(_preemptible(UP), id=0x8001),),
            "two CPUs, one UP, lifecycle-aware, preemptible SP",
        ),
        _spmc("2x2", 2, (MP, UP), "two CPUs, an MP and a UP SP"),
        _spmc(
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


class _PartitionFile(msgspec.Struct, forbid_unknown_fields=True):
    """One `[[partition]]` table of a topology file."""

    id: Annotated[int, Meta(ge=0x8001, le=0x8FFF)]
    vcpus: Literal["UP", "MP"] = "UP"
    el0: bool = False
    lifecycle_support: bool = False
    boot_order: Annotated[int, Meta(ge=0, le=0xFFFF)] = 0xFFFF
    cpu_off_subscribed: bool = False
    sri_intr_while_waiting: bool = False
    sri_intr_pending_entry_wait: bool = False
    ns_interrupts_action: Literal["QUEUED", "ME", "SIGNALED"] = "QUEUED"
    other_s_interrupts_action: Literal["QUEUED", "SIGNALED"] = "QUEUED"
    interrupts: Annotated[list[Annotated[int, Meta(ge=32, le=1019)]], Meta(max_length=2)] = []
    interrupts_enabled: bool = True


class _TopologyFile(msgspec.Struct, forbid_unknown_fields=True):
    """A topology file (docs/formats.md, "Topologies")."""

    version: Literal[1]
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
    cpus: Annotated[int, Meta(ge=1, le=MAX_CPUS)]
    partition: Annotated[list[_PartitionFile], Meta(min_length=1, max_length=MAX_PARTITIONS)]


def load_topology(path: Path) -> Topology:
    """The SPMC topology that a TOML file describes.

    Raises TopologyError, in one sentence, for anything that is not a well-formed, consistent description.
    """
    try:
        description = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _TopologyFile)
    except OSError as error:
        raise TopologyError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TopologyError(f"{path}: not a TOML file: {error}") from error
    except msgspec.ValidationError as error:
        raise TopologyError(f"{path}: {error}") from error
    if description.name in BUILT_IN:
        raise TopologyError(f"{path}: name: '{description.name}' is a built-in topology; choose another")
    _check_consistency(path, description)
    booted = sorted(description.partition, key=lambda p: p.boot_order)
    return _spmc(
        description.name,
        description.cpus,
        tuple(_partition(p, description.cpus) for p in booted),
        f"from {path.name}",
    )


def _check_consistency(path: Path, description: _TopologyFile) -> None:
    """Refuse what Hafnium's manifest parser refuses (src/manifest.c) and identifiers used twice."""
    identifiers = [p.id for p in description.partition]
    interrupts = [intid for p in description.partition for intid in p.interrupts]
    for what, values in (("partition id", identifiers), ("interrupt", interrupts)):
        for value in values:
            if values.count(value) > 1:
                raise TopologyError(f"{path}: {what} {value:#x} is used twice")
    for p in description.partition:
        place = f"{path}: partition {p.id:#x}"
        multiprocessor = p.vcpus == "MP" and description.cpus > 1
        if p.lifecycle_support and multiprocessor:
            raise TopologyError(f"{place}: lifecycle_support needs a UP partition")
        if p.el0 and multiprocessor:
            raise TopologyError(f"{place}: an S-EL0 partition must be UP")
        if p.cpu_off_subscribed and (p.el0 or not multiprocessor):
            raise TopologyError(f"{place}: only an S-EL1 MP partition can subscribe to CPU_OFF")


def _partition(p: _PartitionFile, cpus: int) -> Partition:
    return Partition(
        id=p.id,
        kind=SP,
        vcpu_count=cpus if p.vcpus == "MP" else 1,
        el0=p.el0,
        lifecycle_support=p.lifecycle_support,
        cpu_off_subscribed=p.cpu_off_subscribed,
        sri_intr_while_waiting=p.sri_intr_while_waiting,
        sri_intr_pending_entry_wait=p.sri_intr_pending_entry_wait,
        ns_interrupts_action=InterruptAction[p.ns_interrupts_action],
        other_s_interrupts_action=InterruptAction[p.other_s_interrupts_action],
        interrupts=tuple(p.interrupts),
        interrupts_enabled=p.interrupts_enabled,
    )
