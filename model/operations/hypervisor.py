"""The hypervisor build's own versions of the FF-A hooks (src/ffa/hypervisor)."""

from __future__ import annotations

from model.machine import Machine, Vcpu
from model.operations.switch import api_switch_to_primary
from model.operations.vcpu import is_ffa_direct_msg_request_ongoing
from model.operations.virtual_interrupts import vcpu_virt_interrupt_pending_and_enabled
from model.source import source
from model.values import DirectMessage, FfaError, FfaValue, Func, Reply, VcpuState, ffa_error

HYPERVISOR_CPU_CYCLES_C = "src/ffa/hypervisor/cpu_cycles.c"
HYPERVISOR_DIRECT_MESSAGING_C = "src/ffa/hypervisor/direct_messaging.c"


@source(HYPERVISOR_CPU_CYCLES_C)
def hypervisor_run_checks(m: Machine, current: Vcpu, target_vm_id: int) -> tuple[bool, FfaValue]:
    """ffa_cpu_cycles_run_checks: only the primary VM runs vCPUs, and only those of secondary VMs."""
    if not m.is_primary(current.vm):  # L43
        return False, ffa_error(FfaError.DENIED)  # L44-45
    if target_vm_id == m.primary_vm_id:  # L49
        return False, ffa_error(FfaError.INVALID_PARAMETERS)  # L50
    return True, ffa_error(FfaError.INVALID_PARAMETERS)  # L53


@source(HYPERVISOR_CPU_CYCLES_C)
def hypervisor_check_runtime_state_transition(m: Machine, func: Func) -> tuple[bool, VcpuState]:
    """ffa_cpu_cycles_check_runtime_state_transition: VMs have no runtime models."""
    match func:
        case Func.YIELD | Func.DIRECT_REQ | Func.DIRECT_REQ2 | Func.RUN:
            return True, VcpuState.BLOCKED
        case Func.MSG_WAIT | Func.DIRECT_RESP | Func.DIRECT_RESP2:
            return True, VcpuState.WAITING
        case _:
            return False, VcpuState.RUNNING


@source(HYPERVISOR_CPU_CYCLES_C)
def hypervisor_yield_prepare(m: Machine, current: Vcpu) -> tuple[FfaValue, Vcpu]:
    """ffa_cpu_cycles_yield_prepare: back to the primary VM, current BLOCKED."""
    next_vcpu = api_switch_to_primary(m, current, FfaValue(Func.YIELD), VcpuState.BLOCKED)  # L126
    return FfaValue(Func.SUCCESS), next_vcpu  # L128


@source("src/ffa/hypervisor/indirect_messaging.c")
def ffa_indirect_msg_recv(m: Machine, current: Vcpu) -> Reply:
    """FFA_MSG_WAIT of a VM without messages: back to the primary VM, current WAITING."""
    if m.is_primary(current.vm):  # L116
        return ffa_error(FfaError.NOT_SUPPORTED), None  # L117
    if is_ffa_direct_msg_request_ongoing(m, current):  # L124
        return ffa_error(FfaError.DENIED), None  # L125
    m.unlock(current)  # L128
    m.window("hypervisor-msg-wait")
    m.lock(current.vm)  # L129
    m.lock(current)  # L130
    next_vcpu = None
    if not vcpu_virt_interrupt_pending_and_enabled(m, current):  # L148
        next_vcpu = api_switch_to_primary(m, current, FfaValue(Func.MSG_WAIT), VcpuState.WAITING)  # L160
    m.unlock(current.vm)  # L164
    return ffa_error(FfaError.INTERRUPTED), next_vcpu  # L166


@source(HYPERVISOR_DIRECT_MESSAGING_C)
def hypervisor_is_direct_request_valid(m: Machine, current: Vcpu, args: DirectMessage) -> bool:
    """ffa_direct_msg_is_direct_request_valid: from the primary VM, in its own name, to another one."""
    return args.sender != args.receiver and args.sender == current.vm.id and m.is_primary(current.vm)


@source(HYPERVISOR_DIRECT_MESSAGING_C)
def hypervisor_is_direct_response_valid(m: Machine, current: Vcpu, args: DirectMessage) -> bool:
    """ffa_direct_msg_is_direct_response_valid: to the primary VM, in the sender's own name."""
    return args.sender != args.receiver and args.sender == current.vm.id and args.receiver == m.primary_vm_id
