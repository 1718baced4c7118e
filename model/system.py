"""The system: when an action of the environment can happen, and what the CPU does after an operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from model.environment import Action, Assumptions
from model.machine import NULL, Cpu, Halt, Machine, Outcome, Vcpu
from model.operations.api import api_ffa_abort, api_ffa_msg_wait, api_yield
from model.operations.cpu_cycles import ffa_cpu_cycles_error_32
from model.operations.direct_messaging import api_ffa_msg_send_direct_req, api_ffa_msg_send_direct_resp
from model.operations.ffa_run import api_ffa_run
from model.operations.interrupts import ffa_interrupts_handle_secure_interrupt, fiq_lower
from model.operations.load import load_vms
from model.operations.partition_abort import abort_sibling
from model.operations.psci import (
    hypervisor_cpu_resume,
    plat_psci_cpu_resume,
    psci_primary_cpu_off,
    psci_primary_cpu_on,
    psci_secondary_cpu_on,
)
from model.operations.switch import (
    api_preempt,
    api_regs_state_saved,
    api_vcpu_off,
    api_wait_for_interrupt,
)
from model.operations.virtual_interrupts import api_interrupt_get
from model.operations.vm import vm_is_aborting, vm_is_up
from model.values import (
    DirectMessage,
    FfaValue,
    Framework,
    PriorityMask,
    PsciStatus,
    Reply,
    RuntimeModel,
    VcpuState,
    VmState,
    ffa_is_vm_id,
)

OPERATIONS: dict[str, Callable[..., Reply]] = {
    function.__name__: function
    for function in (
        api_ffa_abort,
        api_ffa_msg_send_direct_req,
        api_ffa_msg_send_direct_resp,
        api_ffa_msg_wait,
        api_ffa_run,
        api_preempt,
        api_vcpu_off,
        api_wait_for_interrupt,
        api_yield,
        ffa_cpu_cycles_error_32,
        ffa_interrupts_handle_secure_interrupt,
        fiq_lower,
        psci_primary_cpu_off,
        psci_primary_cpu_on,
        psci_secondary_cpu_on,
    )
}
"""The operations that the vCPU executing on a CPU asks for, or that interrupt it."""

INTERRUPTING = ("ffa_interrupts_handle_secure_interrupt", "fiq_lower", "api_preempt")
"""Those that it does not ask for."""


def perform(m: Machine, action: Action, assume: Assumptions) -> FfaValue | None:
    """Let an action happen, if it can: the reply its caller sees.

    Raises Halt with outcome DISABLED if it cannot happen in this state.
    """
    cpu = m.cpus[action.cpu]
    match action.operation:
        case "load_vms":
            _load(m, cpu, action)
            return None
        case "plat_psci_cpu_resume":
            return _power_on(m, cpu)
        case "api_regs_state_saved":
            _save_registers(m, cpu, m.handles[action.actor])
            return None
    m.require(cpu.current == m.handles[action.actor])
    m.require(cpu.saving == NULL)
    current: Vcpu = m.handles[action.actor]
    _guard(m, cpu, current, action, assume)
    if action.operation == "api_interrupt_get":
        api_interrupt_get(m, current)
        return None
    if _is_stopped_as_sibling(m, current, action):
        ret, next_vcpu = abort_sibling(m, current)
    else:
        ret, next_vcpu = OPERATIONS[action.operation](m, current, *action.arguments)
    _switch(m, cpu, current, ret, next_vcpu)
    return ret


def _load(m: Machine, cpu: Cpu, action: Action) -> None:
    """Boot starts by loading every partition, once."""
    m.require(cpu.current == NULL)
    for vm in m.loaded_vms:
        m.require(vm.vcpus[0].cpu == NULL if m.chosen("H16", "before") else vm.state == VmState.NULL)
    load_vms(m, *(m.handles[key] for key in action.arguments))


def _power_on(m: Machine, cpu: Cpu) -> FfaValue | None:
    """EL3 enters the image on a CPU: cold boot on CPU 0, later because the normal world asked for it."""
    m.require(cpu.current == NULL)
    m.require(cpu.saving == NULL)
    if m.is_spmc:
        if cpu.index == 0 and not _another_is_powered(m, cpu):
            m.require(_is_loaded(m))
        else:
            m.require(any(_in_normal_world(m, other) for other in m.cpus if other is not cpu))
        cpu.priority_mask = PriorityMask.OPEN
        ret, next_vcpu = plat_psci_cpu_resume(m, cpu)
    else:
        m.require(cpu.is_on)
        m.require(_is_loaded(m))
        ret, next_vcpu = hypervisor_cpu_resume(m, cpu)
    cpu.current = next_vcpu
    return ret


def _another_is_powered(m: Machine, cpu: Cpu) -> bool:
    """Whether another CPU physically executes, whatever the C believes (`is_on`)."""
    return any(other.current != NULL for other in m.cpus if other is not cpu)


def _is_loaded(m: Machine) -> bool:
    """Whether the partitions were loaded.  Before the patch, loading does not change the state."""
    return m.chosen("H16", "before") or any(vm.state != VmState.NULL for vm in m.loaded_vms)


def _in_normal_world(m: Machine, cpu: Cpu) -> bool:
    """Whether a CPU executes in the normal world, from where PSCI CPU_ON can be called."""
    other_world = m.vm_by_id[m.other_world_id]
    return bool(cpu.saving == NULL) and any(cpu.current == vcpu for vcpu in other_world.vcpus)


def _save_registers(m: Machine, cpu: Cpu, vcpu: Vcpu) -> None:
    """The context switch saves the registers of the vCPU that ran before; only then does the next one run."""
    m.require(cpu.saving == vcpu)
    api_regs_state_saved(m, vcpu)
    cpu.saving = NULL


def _guard(m: Machine, cpu: Cpu, current: Vcpu, action: Action, assume: Assumptions) -> None:
    """What the environment guarantees of an action besides that the actor executes."""
    match action.operation:
        case "ffa_interrupts_handle_secure_interrupt":
            m.require(cpu.priority_mask != PriorityMask.ALL_MASKED)
            m.require(_has_run(m, action.arguments[0]))
            if not assume.boot_interrupts:
                m.require(cpu.last_sp_initialized)
        case "fiq_lower":
            m.require(cpu.priority_mask == PriorityMask.OPEN)
            m.require(current.rt_model != RuntimeModel.SP_INIT)
            m.require(m.vm_by_id[m.other_world_id].vcpus[cpu.index].state != VcpuState.CREATED)
        case "api_interrupt_get":
            m.require(m.satisfies(current, "vint_pending", lambda queue: len(queue) > 0))
        case "api_ffa_msg_send_direct_req" if _is_cpu_off(action):
            m.require(_another_is_powered(m, cpu))
        case "psci_primary_cpu_off":
            m.require(_another_is_powered(m, cpu))


def _has_run(m: Machine, intid: object) -> bool:
    """Whether the owner of an interrupt has had cycles: an SP's interrupts are masked until it enables them."""
    not_yet = (VcpuState.CREATED, VcpuState.NULL)
    return any(v.state not in not_yet for vm in m.boot_list if intid in vm.partition.interrupts for v in vm.vcpus)


def _is_cpu_off(action: Action) -> bool:
    message: Any = action.arguments[0]
    return isinstance(message, DirectMessage) and message.framework is Framework.PSCI_CPU_OFF


def _is_stopped_as_sibling(m: Machine, current: Vcpu, action: Action) -> bool:
    """Whether an SP's vCPU is stopped instead of being served, because its partition was aborted: not in the C."""
    return (
        not ffa_is_vm_id(current.vm.id)
        and not vm_is_up(m, current.vm)
        and action.operation not in INTERRUPTING
        and m.chosen("sibling-when", "at-once", when=lambda: vm_is_aborting(m, current.vm))
    )


def _switch(m: Machine, cpu: Cpu, current: Vcpu, ret: FfaValue | None, next_vcpu: Vcpu | None) -> None:
    """Switch to the next vCPU, if any.  EL3 turns the CPU off when it is told that CPU_OFF succeeded on it."""
    told = [value.status for _, value in m.labels.delivered] + [ret.status if ret else None]
    if PsciStatus.DENIED in told and not m.chosen("off-refused", "stays-on"):
        raise Halt(Outcome.RESET, "EL3 resets the system: an SP refused CPU_OFF")
    if next_vcpu is not None:
        cpu.saving = current
        cpu.current = next_vcpu
    if PsciStatus.SUCCESS in told:
        cpu.current = NULL
