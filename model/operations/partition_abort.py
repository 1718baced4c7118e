"""Aborting a partition (src/arch/aarch64/hypervisor/handler.c)."""

from __future__ import annotations

from model.machine import Machine, Vcpu
from model.operations.after_abort import vcpu_aborts_alone
from model.operations.cpu_cycles import ffa_cpu_cycles_abort
from model.operations.switch import api_switch_to_primary
from model.operations.vcpu import vcpu_state_set
from model.operations.vm import vm_set_aborting_flag, vm_set_state
from model.source import source
from model.values import FfaError, FfaValue, Func, Reply, VcpuState, VmState, ffa_error

HANDLER_C = "src/arch/aarch64/hypervisor/handler.c"


@source(HANDLER_C)
def ffa_partition_abort(m: Machine, current: Vcpu) -> Reply:
    """Abort current's partition: FFA_ABORT, or a fatal fault of an S-EL0 partition."""
    m.lock(current.vm)  # L1129
    if m.chosen("abort-locks-both-first", "fixed"):
        m.lock(current)
    if vcpu_aborts_alone(m, current):
        pass
    elif m.chosen("H08", "before"):
        vm_set_aborting_flag(m, current.vm)
    else:
        m.check(vm_set_state(m, current.vm, VmState.ABORTING), f"{HANDLER_C}:1131")  # L1131
    if m.chosen("abort-locks-both-first", "as-is"):
        m.window("W10")
        m.lock(current)  # L1132
    m.join()
    m.check(vcpu_state_set(m, current, VcpuState.ABORTED), f"{HANDLER_C}:1138")  # L1138
    m.unlock(current.vm)  # L1145
    m.check(vcpu_state_set(m, current, VcpuState.STOPPED), f"{HANDLER_C}:1151")  # L1151
    ret, next_vcpu = ffa_cpu_cycles_abort(m, current)  # L1157
    m.unlock(current)  # L1158
    return ret, next_vcpu  # L1160


def abort_sibling(m: Machine, current: Vcpu) -> Reply:
    """Stop current, whose partition was aborted on another CPU, instead of serving its call: not in the C."""
    m.lock(current)
    m.check(vcpu_state_set(m, current, VcpuState.ABORTED), f"{HANDLER_C}:1138")
    next_vcpu = api_switch_to_primary(m, current, ffa_error(FfaError.ABORTED), VcpuState.ABORTED)
    m.unlock(current)
    return FfaValue(Func.SUCCESS), next_vcpu
