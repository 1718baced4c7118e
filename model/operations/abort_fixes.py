"""What the fixes of aborts (model/variants/fixes/aborts.py) do that make another vCPU than the normal world's go on."""

from __future__ import annotations

from model.machine import NULL, Machine, Vcpu
from model.operations.direct_messaging import (
    api_ffa_resume_direct_resp_target,
    ffa_direct_msg_unwind_call_chain_ffa_direct_resp,
)
from model.operations.interrupts import ffa_interrupts_unmask
from model.operations.vcpu import (
    vcpu_call_chain_remove_node,
    vcpu_secure_interrupt_complete,
    vcpu_set_running,
    vcpu_state_set,
)
from model.values import HF_INVALID_VM_ID, FfaValue, RuntimeModel, SchedulingMode, VcpuState


def answer_request_on_abort(m: Machine, current: Vcpu, to_ret: FfaValue) -> Vcpu:
    """The fix `abort-answers-request`: the abort ends as a direct response does, with an error."""
    m.assert_(current.dir_req_origin != HF_INVALID_VM_ID, "abort-answers-request")
    next_vcpu = api_ffa_resume_direct_resp_target(m, current, int(current.dir_req_origin), to_ret, VcpuState.ABORTED)
    current.dir_req2 = False
    current.dir_req_origin = HF_INVALID_VM_ID
    m.unlock(current)
    m.window("abort-answers-request")
    m.lock_both(current, next_vcpu)
    ffa_direct_msg_unwind_call_chain_ffa_direct_resp(m, current, next_vcpu)
    m.check(vcpu_state_set(m, next_vcpu, VcpuState.RUNNING), "abort-answers-request")
    m.unlock(next_vcpu)
    return next_vcpu


def is_waited_for(vcpu: Vcpu) -> bool:
    """Whether the vCPU has a predecessor in its call chain that is BLOCKED."""
    return vcpu.call_chain_prev != NULL and bool(vcpu.call_chain_prev.state == VcpuState.BLOCKED)


def resume_caller_on_abort(m: Machine, current: Vcpu, to_ret: FfaValue) -> Vcpu:
    """The fix `abort-resumes-caller`: the requester in the call chain goes on, with an error."""
    caller: Vcpu = current.call_chain_prev
    m.unlock(current)
    m.window("abort-resumes-caller")
    m.lock_both(current, caller)
    m.check(vcpu_state_set(m, current, VcpuState.ABORTED), "abort-resumes-caller")
    vcpu_call_chain_remove_node(m, current, caller)
    vcpu_set_running(m, caller, to_ret)
    m.unlock(caller)
    return caller


def end_handling_on_abort(m: Machine, current: Vcpu) -> Vcpu | None:
    """The fix `abort-ends-handling`: whoever was preempted goes on, unless another CPU has resumed it."""
    preempted: Vcpu = current.preempted_vcpu
    current.scheduling_mode = SchedulingMode.NONE
    current.rt_model = RuntimeModel.NONE
    if preempted == NULL:
        return None
    m.check(vcpu_state_set(m, current, VcpuState.ABORTED), "abort-ends-handling")
    m.unlock(current)
    m.window("abort-ends-handling")
    m.lock_both(current, preempted)
    vcpu_secure_interrupt_complete(m, current)
    is_resumed = preempted.state == VcpuState.PREEMPTED
    if is_resumed:
        vcpu_set_running(m, preempted, None)
        ffa_interrupts_unmask(m, current)
    m.unlock(preempted)
    return preempted if is_resumed else None
