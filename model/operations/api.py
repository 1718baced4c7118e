"""FFA_YIELD, FFA_MSG_WAIT and FFA_ABORT (src/api.c)."""

from __future__ import annotations

from model.machine import NULL, Machine, Vcpu, Vm
from model.operations.cpu_cycles import ffa_cpu_cycles_msg_wait_prepare, ffa_cpu_cycles_yield_prepare
from model.operations.partition_abort import ffa_partition_abort
from model.operations.runtime_models import ffa_cpu_cycles_check_runtime_state_transition
from model.source import source
from model.values import (
    HF_INVALID_VM_ID,
    FfaError,
    FfaValue,
    Func,
    Reply,
    VcpuState,
    ffa_error,
    ffa_is_vm_id,
)

API_C = "src/api.c"


@source(API_C)
def api_yield(m: Machine, current: Vcpu) -> Reply:
    """FFA_YIELD: relinquish cycles to whoever gave them."""
    if m.is_primary(current.vm):  # L291
        return FfaValue(Func.SUCCESS), None  # L293
    m.lock(current)  # L296
    transition_allowed, next_state = ffa_cpu_cycles_check_runtime_state_transition(
        m, current, current.vm.id, HF_INVALID_VM_ID, NULL, Func.YIELD
    )  # L297
    if not transition_allowed:  # L301
        m.unlock(current)  # L320
        return ffa_error(FfaError.DENIED), None  # L302
    m.assert_(
        not m.is_current_world(current.vm.id) or next_state == VcpuState.BLOCKED,
        "src/api.c:314",
    )  # L314
    ret, next_vcpu = ffa_cpu_cycles_yield_prepare(m, current)  # L317
    m.unlock(current)  # L320
    return ret, next_vcpu


@source(API_C)
def api_ffa_abort(m: Machine, current: Vcpu, reserved_registers_zero: bool = True) -> Reply:
    """FFA_ABORT: a partition met a fatal error."""
    if ffa_is_vm_id(current.vm.id):  # L362
        return ffa_error(FfaError.NOT_SUPPORTED), None  # L364
    if current_is_too_old_to_abort(m, current):
        return ffa_error(FfaError.NOT_SUPPORTED), None
    if not reserved_registers_zero and m.chosen("abort-bad-args", "error"):  # L367
        return ffa_error(FfaError.INVALID_PARAMETERS), None  # L372
    return ffa_partition_abort(m, current)  # L375


def current_is_too_old_to_abort(m: Machine, current: Vcpu) -> bool:
    """Whether FFA_ABORT is not there for current: the C offers it to every SP.  Faults of S-EL0 SPs always abort."""
    partition = current.vm.partition
    return not partition.el0 and not partition.lifecycle_support and m.chosen("abort-version", "v1.3-only")


@source(API_C)
def api_ffa_msg_wait(m: Machine, current: Vcpu) -> Reply:
    """FFA_MSG_WAIT: current waits for work."""
    m.lock(current)  # L1165
    allowed, next_state = ffa_cpu_cycles_check_runtime_state_transition(
        m, current, current.vm.id, HF_INVALID_VM_ID, NULL, Func.MSG_WAIT
    )  # L1166
    if not allowed:
        m.unlock(current)  # L1184
        return ffa_error(FfaError.DENIED), None  # L1169
    m.assert_(
        not m.is_current_world(current.vm.id) or next_state == VcpuState.WAITING,
        "src/api.c:1173",
    )  # L1173
    ret, next_vcpu = ffa_cpu_cycles_msg_wait_prepare(m, current)  # L1176
    if m.is_spmc:
        m.window("W12")
    m.unlock(current)  # L1184
    if ret.func != Func.ERROR:  # L1186
        api_ffa_msg_wait_rx_release(m, current.vm)  # L1188
    return ret, next_vcpu


@source(API_C)
def api_ffa_msg_wait_rx_release(m: Machine, vm: Vm) -> None:
    """Release the VM's RX buffer; only its lock matters here."""
    m.lock(vm)
    m.unlock(vm)  # L1132
