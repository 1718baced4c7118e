"""What other readings of FF-A make of an abort; by default, nothing here has an effect (model/variants/readings)."""

from __future__ import annotations

from model.machine import NULL, Machine, Vcpu
from model.operations.interrupts import ffa_interrupts_unmask
from model.operations.vcpu import (
    vcpu_call_chain_remove_node,
    vcpu_dir_req_reset_state,
    vcpu_set_running,
    vcpu_state_set,
)
from model.operations.vm import vm_is_up
from model.values import FfaError, RuntimeModel, VcpuState, ffa_error, ffa_is_vm_id


def vcpu_aborts_alone(m: Machine, current: Vcpu) -> bool:
    """Whether current's siblings live on: in the C, the partition is aborted, and they with it."""
    vm = current.vm
    return not ffa_is_vm_id(vm.id) and not vm_is_up(m, vm) and m.chosen("sibling-abort", "vcpu")


def vcpu_stays_aborted(m: Machine, vcpu: Vcpu) -> bool:
    """Whether the vCPU is neither turned OFF nor booted again: in the C, both happen."""
    return not vm_is_up(m, vcpu.vm) and m.chosen(
        "off-over-aborted", "stays", when=lambda: vcpu.state in (VcpuState.ABORTED, VcpuState.STOPPED)
    )


def state_of_aborted(m: Machine, current: Vcpu) -> VcpuState:
    """The state in which an aborted vCPU is left: in the C, ABORTED."""
    is_stopped = current.vm.partition.lifecycle_support and m.chosen("aborted-or-stopped", "STOPPED")
    return VcpuState.STOPPED if is_stopped else VcpuState.ABORTED


def handles_interrupt(current: Vcpu) -> bool:
    """Whether current was given its cycles to handle a secure interrupt."""
    return bool(current.rt_model == RuntimeModel.SEC_INTERRUPT)


def serves_request(current: Vcpu) -> bool:
    """Whether current was given its cycles by a direct request."""
    return bool(current.rt_model == RuntimeModel.FFA_DIR_REQ)


def can_hand_back(current: Vcpu) -> bool:
    """Whether the vCPU that current preempted to handle an interrupt can go on."""
    return bool(
        current.call_chain_next == NULL
        and current.preempted_vcpu != NULL
        and current.preempted_vcpu.state == VcpuState.PREEMPTED
    )


def requester_waits(current: Vcpu) -> bool:
    """Whether the SP whose request current serves still waits for the answer."""
    requester: Vcpu = current.call_chain_prev
    return bool(requester != NULL and requester.state == VcpuState.BLOCKED and requester.regs_available)


def abort_to_requester(m: Machine, current: Vcpu, state: VcpuState) -> Vcpu:
    """Current, which aborted, leaves the call chain; its requester goes on with FFA_ERROR(ABORTED)."""
    requester: Vcpu = current.call_chain_prev
    m.unlock(current)
    m.window("W4")
    m.lock_both(current, requester)
    m.check(vcpu_state_set(m, current, state), "src/api.c:146")
    ffa_interrupts_unmask(m, current)
    leave_call_chain(m, current)
    vcpu_set_running(m, requester, ffa_error(FfaError.ABORTED))
    m.unlock(requester)
    return requester


def leave_call_chain(m: Machine, callee: Vcpu) -> None:
    """The request that the callee serves is over, and so is its part in the call chain."""
    vcpu_call_chain_remove_node(m, callee, callee.call_chain_prev)
    callee.dir_req2 = False
    vcpu_dir_req_reset_state(m, callee)


def unwind_below(m: Machine, current: Vcpu) -> None:
    """Those who serve a request of current, which aborted, wait for another one: in the C, they stay as they are."""
    if not m.chosen("abort-mid-chain", "unwound", when=lambda: current.call_chain_next != NULL):
        return
    parent = current
    for _ in m.handles:
        below: Vcpu = parent.call_chain_next
        if below == NULL or below.call_chain_prev != parent or below.state != VcpuState.BLOCKED:
            return
        m.unlock(current)
        m.lock_both(current, below)
        leave_call_chain(m, below)
        below.state = VcpuState.WAITING
        m.unlock(below)
        parent = below
