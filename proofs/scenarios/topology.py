"""The topology of a scenario: a built-in one by name, or a table in the scenario file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from model.topology import BUILT_IN, MAX_CPUS, MAX_PARTITIONS, Partition, PartitionKind, Topology
from model.values import InterruptAction, World
from proofs.scenarios.steps import DeviceInterrupt


class InlinePartition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One partition of the table."""

    id: Annotated[int, Meta(ge=0x8001, le=0x8FFF)]
    vcpus: Literal["UP", "MP"] = "UP"
    el0: bool = False
    lifecycle_support: bool = False
    cpu_off_subscribed: bool = False
    sri_intr_while_waiting: bool = False
    sri_intr_pending_entry_wait: bool = False
    ns_interrupts_action: Literal["QUEUED", "ME", "SIGNALED"] = "QUEUED"
    other_s_interrupts_action: Literal["QUEUED", "SIGNALED"] = "QUEUED"
    interrupts: Annotated[tuple[DeviceInterrupt, ...], Meta(max_length=2)] = ()
    interrupts_enabled: bool = True


class InlineTopology(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `topology`: its partitions are listed in boot order."""

    cpus: Annotated[int, Meta(ge=1, le=MAX_CPUS)]
    partition: Annotated[tuple[InlinePartition, ...], Meta(min_length=1, max_length=MAX_PARTITIONS)]


def chosen_topology(description: str | InlineTopology) -> Topology:
    """The topology so named or described.  Raises ValueError, in one clause, for one that cannot be."""
    if isinstance(description, InlineTopology):
        for complaint in _complaints(description):
            raise ValueError(f"topology: {complaint}")
        other_world = Partition(0x0, PartitionKind.OTHER_WORLD, description.cpus)
        partitions = tuple(_partition(p, description.cpus) for p in description.partition)
        return Topology("inline", World.SPMC, description.cpus, (*partitions, other_world))
    known = {name: topology for name, topology in BUILT_IN.items() if topology.world is World.SPMC}
    if description not in known:
        raise ValueError(f"topology: no '{description}'; known: {', '.join(known)}, or describe it in a table")
    return known[description]


def _complaints(description: InlineTopology) -> Iterator[str]:
    """What Hafnium's manifest parser would refuse (src/manifest.c), and identifiers used twice."""
    identifiers = [p.id for p in description.partition]
    interrupts = [intid for p in description.partition for intid in p.interrupts]
    for what, values in (("partition id", identifiers), ("interrupt", interrupts)):
        yield from (f"{what} {value:#x} is used twice" for value in values if values.count(value) > 1)
    for p in description.partition:
        multiprocessor = p.vcpus == "MP" and description.cpus > 1
        if multiprocessor and (p.lifecycle_support or p.el0):
            yield f"partition {p.id:#x}: with lifecycle_support or el0 it must be UP"
        if p.cpu_off_subscribed and (p.el0 or not multiprocessor):
            yield f"partition {p.id:#x}: only an S-EL1 MP partition can subscribe to CPU_OFF"


def _partition(p: InlinePartition, cpus: int) -> Partition:
    return Partition(
        id=p.id,
        kind=PartitionKind.SP,
        vcpu_count=cpus if p.vcpus == "MP" else 1,
        el0=p.el0,
        lifecycle_support=p.lifecycle_support,
        cpu_off_subscribed=p.cpu_off_subscribed,
        sri_intr_while_waiting=p.sri_intr_while_waiting,
        sri_intr_pending_entry_wait=p.sri_intr_pending_entry_wait,
        ns_interrupts_action=InterruptAction[p.ns_interrupts_action],
        other_s_interrupts_action=InterruptAction[p.other_s_interrupts_action],
        interrupts=p.interrupts,
        interrupts_enabled=p.interrupts_enabled,
    )
