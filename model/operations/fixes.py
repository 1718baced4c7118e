"""What proposed fixes (model/variants/fixes.py) add to operations."""

from __future__ import annotations

from model.machine import NULL, Machine, Vcpu, Vm
from model.operations.vcpu import vcpu_dir_req_reset_state
from model.operations.vm import vm_get_next_boot, vm_get_next_boot_secondary_core, vm_get_vcpu
from model.values import PRIMARY_CPU_INDEX, PowerOperation, PriorityMask, VcpuState, VmState


def first_to_boot(m: Machine, vm: Vm | None, cpu_index: int) -> Vm | None:
    """The VM, unless a fix passes over it: then the next one of the CPU's boot chain that none does."""
    while vm is not None and passed_over_at_boot(m, vm, cpu_index):
        following = vm_get_next_boot if cpu_index == PRIMARY_CPU_INDEX else vm_get_next_boot_secondary_core
        vm = following(m, vm)
    return vm


def passed_over_at_boot(m: Machine, vm: Vm, cpu_index: int) -> bool:
    """By a fix: `boot-skips-booted` for vCPUs that are neither CREATED nor OFF, the others by the VM's state."""
    if m.chosen("boot-skips-aborting", "fixed", when=lambda: vm.state == VmState.ABORTING):
        vcpu = vm_get_vcpu(m, vm, cpu_index)
        m.lock(vcpu)
        vcpu.state = VcpuState.ABORTED
        m.unlock(vcpu)
        return True
    if m.chosen("boot-skips-unloaded", "fixed", when=lambda: vm.state == VmState.NULL):
        return True
    to_boot = (VcpuState.CREATED, VcpuState.OFF)
    return m.chosen("boot-skips-booted", "fixed", when=lambda: vm_get_vcpu(m, vm, cpu_index).state not in to_boot)


def is_to_be_resumed(m: Machine, vcpu: Vcpu, current: Vcpu) -> bool:
    """Whether the end of an interrupt's handling, by another vCPU than current, is to resume this vCPU."""
    return vcpu.state == VcpuState.PREEMPTED and any(
        handler is not current and handler.preempted_vcpu == vcpu for vm in m.boot_list for handler in vm.vcpus
    )


def is_gone(m: Machine, requester: Vcpu) -> bool:
    """`return-to-blocked-only`: whether the vCPU is an SP's that does not wait for its callee any more."""
    if not m.is_spmc or not m.is_current_world(requester.vm.id):
        return False
    return m.chosen("return-to-blocked-only", "fixed", when=lambda: requester.state != VcpuState.BLOCKED)


def mask_to_restore(m: Machine, current: Vcpu) -> PriorityMask:
    """`run-hands-down-mask`: the mask that the first vCPU of current's call chain restores."""
    first = current
    for _ in m.handles:
        if first.call_chain_prev == NULL:
            break
        first = first.call_chain_prev
    return first.prev_interrupt_priority


def take_registers(m: Machine, requester: Vcpu) -> None:
    """`resumed-takes-registers`: a requester that is RUNNING again uses its registers."""
    if m.chosen("resumed-takes-registers", "fixed", when=lambda: requester.regs_available):
        requester.regs_available = False


def unlink_from_requester(m: Machine, vcpu: Vcpu) -> None:
    """Take the vCPU out of its call chain, whatever has become of its requester."""
    requester = vcpu.call_chain_prev
    if requester != NULL:
        if requester.call_chain_next == vcpu:
            requester.call_chain_next = NULL
        vcpu.call_chain_prev = NULL


def unlink_from_callee(m: Machine, vcpu: Vcpu) -> None:
    """Take the vCPU's callee out of the vCPU's call chain."""
    callee = vcpu.call_chain_next
    if callee != NULL:
        if callee.call_chain_prev == vcpu:
            callee.call_chain_prev = NULL
        vcpu.call_chain_next = NULL


def reset_vcpu_turned_off(m: Machine, vcpu: Vcpu) -> None:
    """`off-resets-vcpu`: nothing of what the vCPU was doing is left."""
    unlink_from_requester(m, vcpu)
    unlink_from_callee(m, vcpu)
    vcpu_dir_req_reset_state(m, vcpu)
    vcpu.dir_req2 = False
    vcpu.preempted_vcpu = NULL
    vcpu.pwr_mgmt_op = PowerOperation.NONE
    vcpu.prev_interrupt_priority = PriorityMask.OPEN
