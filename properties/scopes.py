"""What statements range over, beyond single vCPUs: pairs, CPUs with vCPUs, whole partitions, every object."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations, permutations

from model.topology import PartitionKind, Topology
from model.values import InterruptAction
from model.variables import Key, cpu_key, vcpu_key, vm_key
from properties.language import each_mp_sp_vcpu, each_partition_vcpu, each_sp_vcpu

Scope = Callable[[Topology], Iterable[tuple[Key, ...]]]


def _vcpus(topology: Topology) -> list[Key]:
    return [vcpu_key(partition.id, index) for partition in topology.partitions for index in range(partition.vcpu_count)]


def _cpus(topology: Topology) -> list[Key]:
    return [cpu_key(index) for index in range(topology.cpus)]


def if_interrupts(scope: Scope) -> Scope:
    """The scope, on topologies in which some SP owns an interrupt."""
    return lambda topology: scope(topology) if any(p.interrupts for p in topology.secure_partitions) else []


def if_the_preempted_stay(scope: Scope) -> Scope:
    """The scope, unless another CPU can resume a uniprocessor SP that was preempted for, or while serving, an SP."""
    queued = InterruptAction.QUEUED

    def stays(topology: Topology) -> bool:
        sps = topology.secure_partitions
        preemptible = [p for p in sps if (p.ns_interrupts_action, p.other_s_interrupts_action) != (queued, queued)]
        return topology.cpus == 1 or len(sps) == 1 or not any(p.vcpu_count == 1 for p in preemptible)

    return lambda topology: scope(topology) if stays(topology) else []


def each_sp(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every secure partition."""
    return [(vm_key(partition.id),) for partition in topology.secure_partitions]


def each_sp_or_secondary_vm(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every secure partition and every secondary VM."""
    kinds = (PartitionKind.SP, PartitionKind.VM)
    return [(vm_key(partition.id),) for partition in topology.partitions if partition.kind in kinds]


def every_vm(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every VM structure, the stand-in for the other world included."""
    return [(vm_key(partition.id),) for partition in topology.partitions]


def every_object(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every VM, vCPU and CPU."""
    vms = [vm_key(partition.id) for partition in topology.partitions]
    return [(key,) for key in (*vms, *_vcpus(topology), *_cpus(topology))]


def each_sp_vcpu_pair(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every two vCPUs of different secure partitions, in either order."""
    pairs = permutations(each_sp_vcpu(topology), 2)
    return [(first, second) for (first,), (second,) in pairs if first.first != second.first]


def each_sp_vcpu_set_of_two(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every two vCPUs of secure partitions, once."""
    return [(first, second) for (first,), (second,) in combinations(each_sp_vcpu(topology), 2)]


def each_sp_vcpu_and_other(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every vCPU of a secure partition with every other vCPU, the normal world's included."""
    return [(vcpu, other) for (vcpu,) in each_sp_vcpu(topology) for other in _vcpus(topology) if other != vcpu]


def each_cpu_and_sp_vcpu(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every CPU with every vCPU of a secure partition."""
    return [(cpu, vcpu) for cpu in _cpus(topology) for (vcpu,) in each_sp_vcpu(topology)]


def each_cpu_and_mp_sp_vcpu(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every CPU with every vCPU of a multiprocessor SP."""
    return [(cpu, vcpu) for cpu in _cpus(topology) for (vcpu,) in each_mp_sp_vcpu(topology)]


def each_cpu_and_vcpu(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every CPU with every vCPU of a secure partition or a secondary VM."""
    return [(cpu, vcpu) for cpu in _cpus(topology) for (vcpu,) in each_partition_vcpu(topology)]


def each_cpu_and_normal_world(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every CPU with the normal world's vCPU that is pinned to it."""
    other_world = topology.partitions[-1]
    return [(cpu_key(index), vcpu_key(other_world.id, index)) for index in range(topology.cpus)]


def each_cpu_pair_and_mp_sp_vcpu(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every two CPUs, in either order, with every vCPU of a multiprocessor SP."""
    pairs = permutations(_cpus(topology), 2)
    return [(first, second, vcpu) for first, second in pairs for (vcpu,) in each_mp_sp_vcpu(topology)]


def each_cpu_pair_and_vcpu(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every two CPUs, in either order, with every vCPU of a secure partition or a secondary VM."""
    pairs = permutations(_cpus(topology), 2)
    return [(first, second, vcpu) for first, second in pairs for (vcpu,) in each_partition_vcpu(topology)]


def each_vcpu_that_may_move(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every vCPU of an SP or secondary VM, if there are several CPUs and a partition that is not pinned to them."""
    free = any(
        p.kind is PartitionKind.VM or (p.kind is PartitionKind.SP and p.vcpu_count == 1) for p in topology.partitions
    )
    return each_partition_vcpu(topology) if free and topology.cpus > 1 else []


def each_lifecycle_sp_vcpu(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every vCPU of an SP that supports the lifecycle."""
    return [(vcpu_key(partition.id, 0),) for partition in topology.secure_partitions if partition.lifecycle_support]


def each_subscribed_sp_vcpu(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every vCPU of an SP that is asked before its CPU powers off."""
    subscribed = {partition.id for partition in topology.secure_partitions if partition.cpu_off_subscribed}
    return [(vcpu,) for (vcpu,) in each_mp_sp_vcpu(topology) if vcpu.first in subscribed]


def each_sp_vcpu_of_several(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every vCPU of a secure partition, if there is more than one secure partition."""
    return each_sp_vcpu(topology) if len(topology.secure_partitions) > 1 else []


def each_cpu_with_mp_sps(topology: Topology) -> Iterable[tuple[Key, ...]]:
    """Every CPU, if there is a multiprocessor SP that has a vCPU on each of them."""
    return [(key,) for key in _cpus(topology)] if any(True for _ in each_mp_sp_vcpu(topology)) else []
