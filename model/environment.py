"""The environment: what the normal world, EL3 and the partitions may do, as named, switchable assumptions.

The facts about EL3 are those of TF-A's SPMD (docs/model.md, "The environment").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from model.topology import Partition, PartitionKind, Topology
from model.values import (
    HF_NWD_VM_ID,
    HF_SPMC_VM_ID,
    HF_SPMD_VM_ID,
    DirectMessage,
    FfaError,
    Framework,
    Func,
    InterruptAction,
    PsciStatus,
    World,
)
from model.variables import LOGICAL_PARTITION_ID, Key, vcpu_key, vm_key

Argument = Key | int | str | FfaError | DirectMessage


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can happen: an operation on a CPU, by the vCPU that executes there, with arguments."""

    operation: str
    cpu: int
    actor: Key | None
    arguments: tuple[Argument, ...] = ()

    def __str__(self) -> str:
        arguments = ", ".join(_argument_text(argument) for argument in self.arguments)
        actor = f" {self.actor.kind} {self.actor}" if self.actor else ""
        return f"CPU{self.cpu}{actor}: {self.operation}({arguments})"


def _argument_text(argument: Argument) -> str:
    match argument:
        case DirectMessage():
            framework = f" {argument.framework.value}" if argument.framework else ""
            status = " DENIED" if argument.status is PsciStatus.DENIED else ""
            return f"{argument.func.value} {argument.sender:#x} -> {argument.receiver:#x}{framework}{status}"
        case FfaError():
            return argument.value
        case int():
            return str(argument) if argument < 0x8000 else f"{argument:#x}"
        case _:
            return str(argument)


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the environment may do.  Each field is one assumption; True allows the behaviour."""

    secondary_cpus: bool = True
    """The normal world powers on CPUs other than CPU 0."""
    cpu_off: bool = True
    """The normal world powers CPUs off (and on again), as long as another one stays on."""
    cpu_off_refused: bool = False
    """An SP may answer CPU_OFF with an error.  EL3 then resets the system, which ends the execution."""
    nwd_error: bool = True
    """The normal world calls FFA_ERROR; EL3 lets it through."""
    el3_requests: bool = False
    """EL3 logical partitions send direct requests."""
    direct_req2: bool = False
    """FFA_MSG_SEND_DIRECT_REQ2 is used besides FFA_MSG_SEND_DIRECT_REQ."""
    sp_aborts: bool = True
    """SPs call FFA_ABORT, or an S-EL0 SP takes a fatal fault."""
    sp_errors: bool = True
    """SPs report a failed initialisation by FFA_ERROR(ABORTED)."""
    sp_runs: bool = True
    """SPs call FFA_RUN, also for vCPUs that do not exist."""
    sp_runs_itself: bool = True
    """SPs call FFA_RUN on their own vCPUs."""
    sp_requests: bool = True
    """SPs send direct requests to one another."""
    sp_yields: bool = True
    """SPs call FFA_YIELD."""
    secure_interrupts: bool = True
    """Secure device interrupts arrive."""
    boot_interrupts: bool = True
    """Secure device interrupts arrive while SPs initialise on the CPU."""
    non_secure_interrupts: bool = True
    """Non-secure interrupts preempt SPs that let them; never during an SP's initialisation (EL3 masks them)."""
    other_errors: bool = False
    """SPs call FFA_ERROR with error codes other than ABORTED."""
    bad_aborts: bool = False
    """SPs call FFA_ABORT with a reserved register that is not zero."""
    load_failures: bool = False
    """Loading one partition may fail after it was put in the boot list."""

    def without(self, *names: str) -> Assumptions:
        """These assumptions with some behaviours excluded.  Raises KeyError for an unknown name."""
        known = {field.name for field in fields(self)}
        for name in names:
            if name not in known:
                raise KeyError(name)
        return replace(self, **dict.fromkeys(names, False))


DEFAULT = Assumptions()


def actions(topology: Topology, assume: Assumptions = DEFAULT) -> tuple[Action, ...]:
    """Everything that can happen on a topology, whoever executes; guards are in model/system.py."""
    return tuple(_actions(topology, assume))


def _actions(topology: Topology, assume: Assumptions) -> Iterator[Action]:
    yield Action("load_vms", 0, None)
    if assume.load_failures:
        for partition in topology.secure_partitions:
            yield Action("load_vms", 0, None, (vm_key(partition.id),))
    for cpu in range(topology.cpus):
        if cpu == 0 or assume.secondary_cpus:
            yield Action("plat_psci_cpu_resume", cpu, None)
        for partition in topology.partitions:
            for index in range(partition.vcpu_count):
                actor = vcpu_key(partition.id, index)
                yield Action("api_regs_state_saved", cpu, actor)
                match partition.kind:
                    case PartitionKind.OTHER_WORLD if topology.world is World.SPMC:
                        yield from _normal_world(topology, assume, cpu, actor)
                    case PartitionKind.SP:
                        yield from _secure_partition(topology, assume, cpu, actor, partition)
                    case PartitionKind.PRIMARY:
                        yield from _primary_vm(topology, assume, cpu, actor)
                    case PartitionKind.VM:
                        yield from _secondary_vm(partition, cpu, actor)


def _normal_world(topology: Topology, assume: Assumptions, cpu: int, actor: Key) -> Iterator[Action]:
    """What reaches the SPMC from the normal world and from EL3."""
    for target in topology.secure_partitions:
        for index in range(target.vcpu_count):
            yield Action("api_ffa_run", cpu, actor, (target.id, index))
        for sender in (HF_NWD_VM_ID, *([LOGICAL_PARTITION_ID] if assume.el3_requests else [])):
            for func in (Func.DIRECT_REQ, *([Func.DIRECT_REQ2] if assume.direct_req2 else [])):
                message = DirectMessage(func, sender, target.id)
                yield Action("api_ffa_msg_send_direct_req", cpu, actor, (message,))
    if assume.cpu_off:
        message = DirectMessage(Func.DIRECT_REQ, HF_SPMD_VM_ID, HF_SPMC_VM_ID, Framework.PSCI_CPU_OFF)
        yield Action("api_ffa_msg_send_direct_req", cpu, actor, (message,))
    if assume.nwd_error:
        yield Action("ffa_cpu_cycles_error_32", cpu, actor, (FfaError.ABORTED,))
    yield from _secure_interrupts(topology, assume, cpu, actor)


def _secure_interrupts(topology: Topology, assume: Assumptions, cpu: int, actor: Key) -> Iterator[Action]:
    if assume.secure_interrupts:
        for partition in topology.secure_partitions:
            for intid in partition.interrupts:
                yield Action("ffa_interrupts_handle_secure_interrupt", cpu, actor, (intid,))


def _secure_partition(
    topology: Topology, assume: Assumptions, cpu: int, actor: Key, partition: Partition
) -> Iterator[Action]:
    """What an SP may do, and what may happen to it."""
    yield Action("api_ffa_msg_wait", cpu, actor)
    if assume.sp_yields:
        yield Action("api_yield", cpu, actor)
    if assume.sp_aborts:
        yield Action("api_ffa_abort", cpu, actor)
    if assume.bad_aborts:
        yield Action("api_ffa_abort", cpu, actor, (0,))
    if assume.sp_errors:
        yield Action("ffa_cpu_cycles_error_32", cpu, actor, (FfaError.ABORTED,))
    if assume.other_errors:
        yield Action("ffa_cpu_cycles_error_32", cpu, actor, (FfaError.NO_MEMORY,))
    if partition.interrupts:
        yield Action("api_interrupt_get", cpu, actor)
    for target in topology.secure_partitions:
        if assume.sp_runs and (target is not partition or assume.sp_runs_itself):
            for index in range(target.vcpu_count):
                yield Action("api_ffa_run", cpu, actor, (target.id, index))
        if assume.sp_runs and target is not partition:
            yield Action("api_ffa_run", cpu, actor, (target.id, target.vcpu_count))
        if assume.sp_requests and target is not partition:
            for func in (Func.DIRECT_REQ, *([Func.DIRECT_REQ2] if assume.direct_req2 else [])):
                message = DirectMessage(func, partition.id, target.id)
                yield Action("api_ffa_msg_send_direct_req", cpu, actor, (message,))
    yield from _responses(topology, assume, cpu, actor, partition)
    yield from _secure_interrupts(topology, assume, cpu, actor)
    if assume.non_secure_interrupts and partition.ns_interrupts_action is not InterruptAction.QUEUED:
        yield Action("fiq_lower", cpu, actor)


def _responses(topology: Topology, assume: Assumptions, cpu: int, actor: Key, partition: Partition) -> Iterator[Action]:
    """Responses to whoever may have sent a request."""
    origins = [HF_NWD_VM_ID, *([LOGICAL_PARTITION_ID] if assume.el3_requests else [])]
    if assume.sp_requests:
        origins += [other.id for other in topology.secure_partitions if other is not partition]
    for origin in origins:
        for func in (Func.DIRECT_RESP, *([Func.DIRECT_RESP2] if assume.direct_req2 else [])):
            message = DirectMessage(func, partition.id, origin)
            yield Action("api_ffa_msg_send_direct_resp", cpu, actor, (message,))
    if assume.cpu_off and partition.cpu_off_subscribed:
        for status in (PsciStatus.SUCCESS, *([PsciStatus.DENIED] if assume.cpu_off_refused else [])):
            message = DirectMessage(Func.DIRECT_RESP, partition.id, HF_SPMC_VM_ID, Framework.PSCI_RESP, status)
            yield Action("api_ffa_msg_send_direct_resp", cpu, actor, (message,))


def _primary_vm(topology: Topology, assume: Assumptions, cpu: int, actor: Key) -> Iterator[Action]:
    """What the primary VM of the hypervisor build may do."""
    for target in topology.partitions:
        if target.kind is PartitionKind.VM:
            for index in range(target.vcpu_count):
                yield Action("api_ffa_run", cpu, actor, (target.id, index))
                yield Action("api_ffa_run", cpu, actor, (target.id, index, 1))
            message = DirectMessage(Func.DIRECT_REQ, actor.first, target.id)
            yield Action("api_ffa_msg_send_direct_req", cpu, actor, (message,))
    if assume.secondary_cpus:
        for other in range(topology.cpus):
            if other != cpu:
                yield Action("psci_primary_cpu_on", cpu, actor, (other,))
    if assume.cpu_off:
        yield Action("psci_primary_cpu_off", cpu, actor)


def _secondary_vm(partition: Partition, cpu: int, actor: Key) -> Iterator[Action]:
    """What a secondary VM of the hypervisor build may do, and what may happen to it."""
    yield Action("api_ffa_msg_wait", cpu, actor)
    yield Action("api_yield", cpu, actor)
    yield Action("api_wait_for_interrupt", cpu, actor)
    yield Action("api_vcpu_off", cpu, actor)
    yield Action("api_preempt", cpu, actor)
    yield Action("api_ffa_abort", cpu, actor)
    for index in range(partition.vcpu_count):
        if index != actor.second:
            yield Action("psci_secondary_cpu_on", cpu, actor, (index,))
    message = DirectMessage(Func.DIRECT_RESP, partition.id, 0x1)
    yield Action("api_ffa_msg_send_direct_resp", cpu, actor, (message,))
