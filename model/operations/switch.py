"""Switching to another vCPU, and the calls that do nothing else (src/api.c)."""

from __future__ import annotations

from model.machine import NULL, Machine, Vcpu, Vm
from model.operations.cpu import cpu_index
from model.operations.vcpu import vcpu_state_set
from model.operations.vm import vm_get_vcpu, vm_is_up
from model.source import source
from model.values import FfaValue, Func, Reply, VcpuState

API_C = "src/api.c"


@source(API_C)
def api_ffa_get_vm_vcpu(m: Machine, vm: Vm | None, current: Vcpu) -> Vcpu:
    """The vCPU of a UP VM, or the one of an MP VM whose index is current's CPU; NULL if there is none."""
    current_cpu_index = cpu_index(m, current.cpu)  # L108
    m.check(vm is not None, "src/api.c:111")  # L111
    assert vm is not None
    if vm_is_up(m, vm):  # L113
        return vm_get_vcpu(m, vm, 0)  # L114
    if current_cpu_index < vm.vcpu_count:  # L115
        return vm_get_vcpu(m, vm, current_cpu_index)  # L116
    null: Vcpu = NULL
    return null  # L119


@source(API_C)
def api_switch_to_vm(m: Machine, current: Vcpu, to_ret: FfaValue, vcpu_state: VcpuState, to_id: int) -> Vcpu:
    """Hand `to_ret` to this CPU's vCPU of a VM and move current to `vcpu_state`; the vCPU to run next."""
    to_vm = m.vm_find(to_id)  # L137
    next_vcpu = api_ffa_get_vm_vcpu(m, to_vm, current)  # L138
    m.check(next_vcpu != NULL, "src/api.c:140")  # L140
    m.deliver(next_vcpu, to_ret)  # L143
    m.check(vcpu_state_set(m, current, vcpu_state), "src/api.c:146")  # L146
    return next_vcpu  # L148


@source(API_C)
def api_switch_to_primary(m: Machine, current: Vcpu, primary_ret: FfaValue, secondary_state: VcpuState) -> Vcpu:
    """Switch back to the primary VM (the other world, in the SPMC)."""
    return api_switch_to_vm(m, current, primary_ret, secondary_state, m.primary_vm_id)


@source(API_C)
def api_switch_to_other_world(m: Machine, current: Vcpu, other_world_ret: FfaValue, state: VcpuState) -> Vcpu:
    """Switch to this CPU's vCPU of the other world."""
    return api_switch_to_vm(m, current, other_world_ret, state, m.other_world_id)


@source(API_C)
def api_preempt(m: Machine, current: Vcpu) -> Reply:
    """Return to the primary VM, current PREEMPTED: it still has work to do."""
    m.lock(current)  # L213
    next_vcpu = api_switch_to_primary(m, current, FfaValue(Func.INTERRUPT), VcpuState.PREEMPTED)  # L214
    m.unlock(current)  # L215
    return None, next_vcpu


@source(API_C)
def api_wait_for_interrupt(m: Machine, current: Vcpu) -> Reply:
    """Return to the primary VM, current waiting for an interrupt (WFI, PSCI CPU_SUSPEND of a VM)."""
    m.lock(current)  # L233
    ret = FfaValue(Func.WAIT_FOR_INTERRUPT)  # L229
    next_vcpu = api_switch_to_primary(m, current, ret, VcpuState.BLOCKED_INTERRUPT)  # L234
    m.unlock(current)  # L236
    return None, next_vcpu


@source(API_C)
def api_vcpu_off(m: Machine, current: Vcpu) -> Reply:
    """Return to the primary VM, current OFF (PSCI CPU_OFF of a VM)."""
    m.lock(current)  # L253
    next_vcpu = api_switch_to_primary(m, current, FfaValue(Func.WAIT_FOR_INTERRUPT), VcpuState.OFF)  # L255
    m.unlock(current)  # L256
    return None, next_vcpu


@source(API_C)
def api_wake_up(m: Machine, current: Vcpu) -> Reply:
    """Return to the primary VM so that it runs another vCPU."""
    m.lock(current)  # L345
    next_vcpu = api_switch_to_primary(m, current, FfaValue(Func.INTERRUPT), VcpuState.BLOCKED)  # L337
    m.unlock(current)  # L347
    return None, next_vcpu


@source(API_C)
def api_regs_state_saved(m: Machine, vcpu: Vcpu) -> Reply:
    """The context switch has saved the vCPU's registers: other CPUs may run it from now on."""
    m.lock(vcpu)  # L1017
    vcpu.regs_available = True  # L1018
    m.unlock(vcpu)  # L1019
    return None, None
