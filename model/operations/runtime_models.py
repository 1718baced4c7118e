"""Partition runtime models: what an SP may ask for, by how it got its cycles (src/ffa/spmc/cpu_cycles.c)."""

from __future__ import annotations

from model.machine import NULL, Machine, Vcpu
from model.operations.hypervisor import hypervisor_check_runtime_state_transition
from model.source import source
from model.values import Func, PowerOperation, RuntimeModel, SchedulingMode, VcpuState

SPMC_CPU_CYCLES_C = "src/ffa/spmc/cpu_cycles.c"
DIRECT_REQUESTS = (Func.DIRECT_REQ, Func.DIRECT_REQ2)
LEAVING = (Func.MSG_WAIT, Func.YIELD, Func.DIRECT_RESP, Func.DIRECT_RESP2)

Transition = tuple[bool, VcpuState]
"""Whether the call is allowed, and the state it will leave the caller in (C's *next_state)."""
DENIED: Transition = (False, VcpuState.RUNNING)


@source(SPMC_CPU_CYCLES_C)
def ffa_cpu_cycles_check_rtm_ffa_run(m: Machine, current: Vcpu, vcpu: Vcpu, func: Func) -> Transition:
    """RTM_FFA_RUN (section 7.2 of FF-A v1.1 EAC0, as cited by the C)."""
    match func:
        case Func.DIRECT_REQ | Func.DIRECT_REQ2 | Func.RUN:
            if ffa_direct_msg_precedes_in_call_chain(m, current, vcpu):  # L571
                return DENIED  # L573
            return True, VcpuState.BLOCKED  # L575
        case Func.MSG_WAIT:
            return True, VcpuState.WAITING  # L580
        case Func.YIELD:
            return True, VcpuState.BLOCKED  # L584
        case Func.ABORT:
            return True, VcpuState.ABORTED  # L589
        case _:
            return DENIED  # L597


@source(SPMC_CPU_CYCLES_C)
def ffa_cpu_cycles_check_rtm_ffa_dir_req(
    m: Machine, current: Vcpu, vcpu: Vcpu, receiver_vm_id: int, func: Func
) -> Transition:
    """RTM_FFA_DIR_REQ (section 8.3 of FF-A v1.2, as cited by the C)."""
    if func in (*DIRECT_REQUESTS, Func.RUN, Func.YIELD) and current.pwr_mgmt_op != PowerOperation.NONE:  # L614
        return DENIED  # L624
    match func:
        case Func.DIRECT_REQ | Func.DIRECT_REQ2 | Func.RUN:
            if ffa_direct_msg_precedes_in_call_chain(m, current, vcpu):  # L637
                return DENIED  # L639
            return True, VcpuState.BLOCKED  # L642
        case Func.DIRECT_RESP | Func.DIRECT_RESP2:
            if current.dir_req_origin == receiver_vm_id:  # L649
                return True, VcpuState.WAITING  # L651
            return DENIED  # L655
        case Func.YIELD:
            if m.chosen("yield-request", "DENIED"):
                return DENIED
            return True, VcpuState.BLOCKED  # L659
        case Func.ABORT:
            return True, VcpuState.ABORTED  # L664
        case _:
            return DENIED  # L670


@source(SPMC_CPU_CYCLES_C)
def ffa_cpu_cycles_check_rtm_sec_interrupt(m: Machine, current: Vcpu, vcpu: Vcpu, func: Func) -> Transition:
    """RTM_SEC_INTERRUPT (section 8.4 of FF-A v1.2 ALP0, as cited by the C)."""
    m.check(current.scheduling_mode == SchedulingMode.SPMC_MODE, "src/ffa/spmc/cpu_cycles.c:685")  # L685
    match func:
        case Func.DIRECT_REQ | Func.DIRECT_REQ2:
            return True, VcpuState.BLOCKED  # L692
        case Func.RUN:
            if vcpu.state == VcpuState.PREEMPTED:  # L696
                return True, VcpuState.BLOCKED  # L697
            return DENIED  # L701
        case Func.MSG_WAIT:
            return True, VcpuState.WAITING  # L705
        case Func.YIELD:
            return True, VcpuState.BLOCKED  # L709
        case Func.ABORT:
            return True, VcpuState.ABORTED  # L714
        case _:
            return DENIED  # L722


@source(SPMC_CPU_CYCLES_C)
def ffa_cpu_cycles_check_rtm_sp_init(m: Machine, current: Vcpu, vcpu: Vcpu, func: Func) -> Transition:
    """RTM_SP_INIT (section 8.3 of FF-A v1.2 ALP0, as cited by the C)."""
    m.assert_(
        current.state == VcpuState.STARTING or m.chosen("init-accepts-any-state", "fixed"),
        "src/ffa/spmc/cpu_cycles.c:735",
    )  # L735
    match func:
        case Func.DIRECT_REQ | Func.DIRECT_REQ2:
            if vcpu.rt_model != RuntimeModel.SP_INIT:  # L745
                return True, VcpuState.BLOCKED  # L746
            return DENIED  # L750
        case Func.MSG_WAIT:
            return True, VcpuState.WAITING  # L754
        case Func.ABORT:
            return True, VcpuState.ABORTED  # L767
        case _:
            return DENIED  # L779


@source(SPMC_CPU_CYCLES_C)
def ffa_cpu_cycles_check_runtime_state_transition(
    m: Machine, current: Vcpu, vm_id: int, receiver_vm_id: int, vcpu: Vcpu, func: Func
) -> Transition:
    """Whether current's runtime model lets it make the call.  Callers of the other world always may."""
    if not m.is_spmc:
        return hypervisor_check_runtime_state_transition(m, func)
    if not m.is_current_world(vm_id) or (
        not m.is_current_world(current.vm.id) and m.chosen("caller-decides-checks", "fixed")
    ):  # L800
        return True, VcpuState.RUNNING  # L801
    if func in DIRECT_REQUESTS and m.chosen(
        "open-callee-denies-requests", "fixed", when=lambda: current.call_chain_next != NULL
    ):
        return DENIED
    if func in LEAVING and m.chosen("open-callee-denies-leaving", "fixed", when=lambda: deserts_others(current, func)):
        return DENIED
    match current.rt_model:
        case RuntimeModel.FFA_RUN:  # L805
            return ffa_cpu_cycles_check_rtm_ffa_run(m, current, vcpu, func)  # L806
        case RuntimeModel.FFA_DIR_REQ:  # L809
            return ffa_cpu_cycles_check_rtm_ffa_dir_req(m, current, vcpu, receiver_vm_id, func)  # L810
        case RuntimeModel.SEC_INTERRUPT:  # L814
            return ffa_cpu_cycles_check_rtm_sec_interrupt(m, current, vcpu, func)  # L815
        case RuntimeModel.SP_INIT:  # L818
            return ffa_cpu_cycles_check_rtm_sp_init(m, current, vcpu, func)  # L819
        case _:
            return DENIED  # L826


def deserts_others(current: Vcpu, func: Func) -> bool:
    """Whether current has a callee, or yields to a requester that may not resume it with FFA_RUN."""
    if current.call_chain_next != NULL:
        return True
    return (
        func is Func.YIELD
        and current.call_chain_prev != NULL
        and bool(current.scheduling_mode != SchedulingMode.NWD_MODE)
    )


@source("src/ffa/spmc/direct_messaging.c")
def ffa_direct_msg_precedes_in_call_chain(m: Machine, current: Vcpu, target: Vcpu) -> bool:
    """Whether the target ran before current in the call chain."""
    precedes = search_call_chain(m, current, target)
    m.join()
    return precedes


@source("src/ffa/spmc/direct_messaging.c")
def search_call_chain(m: Machine, current: Vcpu, target: Vcpu) -> bool:
    """The search of ffa_direct_msg_precedes_in_call_chain."""
    prev_node = current.call_chain_prev  # L207
    for _ in m.handles:
        if prev_node == NULL:  # L209
            return False  # L219
        if prev_node == target:  # L210
            return True  # L211
        prev_node = prev_node.call_chain_prev  # L215
    m.hang("call chain links form a ring")
