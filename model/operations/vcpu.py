"""vCPU state and its setters (src/vcpu.c, inc/hf/vcpu.h)."""

from __future__ import annotations

from model.machine import NULL, Machine, Vcpu
from model.source import source
from model.values import (
    HF_INVALID_VM_ID,
    DirectMessage,
    FfaValue,
    RuntimeModel,
    SchedulingMode,
    VcpuState,
    ffa_is_vm_id,
)

VCPU_C = "src/vcpu.c"
VCPU_H = "inc/hf/vcpu.h"


@source(VCPU_C)
def vcpu_state_set(m: Machine, vcpu: Vcpu, to_state: VcpuState) -> bool:
    """Take a legal vCPU transition; False, and no change, for any other.  The caller holds the vCPU lock."""
    from_state = vcpu.state  # L754
    if ffa_is_vm_id(vcpu.vm.id) or from_state == to_state or to_state == VcpuState.OFF:  # L761
        ret = True  # L763
    else:
        ret = False
        match from_state:
            case VcpuState.OFF:  # L768
                ret = to_state in (VcpuState.STARTING, VcpuState.CREATED)  # L774
            case VcpuState.NULL:  # L777
                ret = to_state == VcpuState.CREATED  # L778
            case VcpuState.CREATED:  # L780
                ret = to_state == VcpuState.STARTING  # L781
            case VcpuState.STARTING | VcpuState.RUNNING:  # L783-784
                ret = vcpu_is_valid_transition_from_starting_running_state(m, to_state)  # L785
            case VcpuState.STOPPING:  # L788
                ret = vcpu_is_valid_transition_from_stopping_state(m, to_state)  # L789
            case VcpuState.WAITING:  # L791
                ret = to_state in (VcpuState.RUNNING, VcpuState.OFF, VcpuState.ABORTED)  # L796
            case VcpuState.BLOCKED | VcpuState.BLOCKED_INTERRUPT | VcpuState.PREEMPTED:  # L800-802
                ret = to_state == VcpuState.RUNNING  # L803
                if ret and resumes_initialisation(m, vcpu):
                    to_state = VcpuState.STARTING
            case VcpuState.ABORTED:  # L805
                ret = to_state in (VcpuState.NULL, VcpuState.STOPPED)  # L806
            case VcpuState.STOPPED:  # L809
                ret = to_state in (VcpuState.CREATED, VcpuState.NULL, VcpuState.ABORTED)  # L814
        if not ret and to_state == VcpuState.ABORTED and from_state != VcpuState.NULL:
            ret = m.chosen("aborted-from-any-state", "fixed")
    if ret:
        if to_state == VcpuState.RUNNING:
            to_state = state_when_resumed(m, vcpu)
        vcpu.state = to_state  # L828
    else:
        m.labels.refused.append(f"vcpu {vcpu.key} to {to_state.value}")  # L821
    return ret


def state_when_resumed(m: Machine, vcpu: Vcpu) -> VcpuState:
    """The state of a vCPU that is given CPU cycles: RUNNING, whatever it was doing."""
    if ffa_is_vm_id(vcpu.vm.id):
        return VcpuState.RUNNING
    is_starting = m.chosen("resumed-init-is-starting", "fixed", when=lambda: vcpu.rt_model == RuntimeModel.SP_INIT)
    return VcpuState.STARTING if is_starting else VcpuState.RUNNING


@source(VCPU_C)
def vcpu_is_valid_transition_from_starting_running_state(m: Machine, to_state: VcpuState) -> bool:
    """Where an executing vCPU may go."""
    return to_state in (
        VcpuState.WAITING,
        VcpuState.BLOCKED,
        VcpuState.PREEMPTED,
        VcpuState.ABORTED,
        VcpuState.STOPPING,
    )  # L724


@source(VCPU_C)
def vcpu_is_valid_transition_from_stopping_state(m: Machine, to_state: VcpuState) -> bool:
    """Where a vCPU that is stopping itself may go."""
    return to_state in (
        VcpuState.WAITING,
        VcpuState.BLOCKED,
        VcpuState.PREEMPTED,
        VcpuState.ABORTED,
        VcpuState.STOPPED,
    )  # L739


@source(VCPU_C)
def vcpu_is_off(m: Machine, vcpu: Vcpu) -> bool:
    """Whether the vCPU counts as off for PSCI: OFF, CREATED or NULL."""
    return vcpu.state in (VcpuState.OFF, VcpuState.CREATED, VcpuState.NULL)  # L109-111


@source(VCPU_C)
def vcpu_prepare(m: Machine, vcpu: Vcpu) -> None:
    """Set the entry point and move the vCPU to CREATED."""
    m.check(vcpu_state_set(m, vcpu, VcpuState.CREATED), "src/vcpu.c:87")  # L87
    if not m.is_spmc and m.chosen("prepare-restores-init", "fixed"):
        vcpu.rt_model = RuntimeModel.SP_INIT


@source(VCPU_C)
def vcpu_secondary_reset_and_start(m: Machine, vcpu: Vcpu) -> bool:
    """Prepare a vCPU of a secondary VM if it is off; whether it was."""
    m.check(vcpu.vm.id != m.primary_vm_id, "src/vcpu.c:126")  # L126
    vcpu_was_off = vcpu_is_off(m, vcpu)  # L128
    if vcpu_was_off:  # L129
        vcpu_prepare(m, vcpu)  # L137
    return vcpu_was_off


@source(VCPU_C)
def vcpu_set_running(m: Machine, vcpu: Vcpu, args: FfaValue | None) -> None:
    """Mark the vCPU RUNNING with its registers in use; with `args`, it must have been WAITING or BLOCKED."""
    if args is not None:  # L352
        m.check(vcpu.regs_available, "src/vcpu.c:353")  # L353
        m.assert_(vcpu.state in (VcpuState.WAITING, VcpuState.BLOCKED), "src/vcpu.c:354")  # L354
        m.deliver(vcpu, args)  # L357
    vcpu.regs_available = False  # L361
    vcpu.state = VcpuState.STARTING if resumes_initialisation(m, vcpu) else state_when_resumed(m, vcpu)  # L364


def resumes_initialisation(m: Machine, vcpu: Vcpu) -> bool:
    """Whether the vCPU is STARTING again: in the C, it is RUNNING once it was blocked or preempted."""
    return not ffa_is_vm_id(vcpu.vm.id) and m.chosen(
        "starting-lost", "STARTING", when=lambda: vcpu.rt_model == RuntimeModel.SP_INIT
    )


@source(VCPU_C)
def vcpu_enter_secure_interrupt_rtm(m: Machine, vcpu: Vcpu) -> None:
    """Give the vCPU the runtime model of secure interrupt handling, in SPMC scheduled mode."""
    m.assert_(vcpu.scheduling_mode == SchedulingMode.NONE, "src/vcpu.c:371")  # L371
    m.assert_(vcpu.call_chain_prev == NULL, "src/vcpu.c:372")  # L372
    m.assert_(vcpu.call_chain_next == NULL, "src/vcpu.c:373")  # L373
    m.assert_(vcpu.rt_model == RuntimeModel.NONE, "src/vcpu.c:374")  # L374
    vcpu.scheduling_mode = SchedulingMode.SPMC_MODE  # L376
    vcpu.rt_model = RuntimeModel.SEC_INTERRUPT  # L377


@source(VCPU_C)
def vcpu_secure_interrupt_complete(m: Machine, vcpu: Vcpu) -> None:
    """Forget which vCPU was preempted."""
    vcpu.preempted_vcpu = NULL  # L508


@source(VCPU_C)
def vcpu_dir_req_set_state(m: Machine, target: Vcpu, is_ffa_req2: bool, args: DirectMessage) -> None:
    """Make the receiver of a direct request RUNNING and remember who sent it."""
    target.state = VcpuState.RUNNING  # L664
    target.regs_available = False  # L665
    target.dir_req2 = is_ffa_req2  # L666
    target.dir_req_origin = args.sender  # L667
    target.dir_req_framework = args.is_framework  # L668
    m.deliver(target, FfaValue(args.func))  # L671


@source(VCPU_C)
def vcpu_dir_req_reset_state(m: Machine, vcpu: Vcpu) -> None:
    """Forget the direct request and leave its runtime model and scheduling mode."""
    vcpu.dir_req_origin = HF_INVALID_VM_ID  # L683
    vcpu.dir_req_framework = False  # L684
    vcpu.scheduling_mode = SchedulingMode.NONE  # L687
    vcpu.rt_model = RuntimeModel.NONE  # L688


@source(VCPU_H)
def vcpu_call_chain_extend(m: Machine, vcpu1: Vcpu, vcpu2: Vcpu) -> None:
    """Make vcpu2 the successor of vcpu1 in the call chain."""
    vcpu1.call_chain_next = vcpu2  # L288
    vcpu2.call_chain_prev = vcpu1  # L289


@source(VCPU_H)
def vcpu_call_chain_remove_node(m: Machine, vcpu1: Vcpu, vcpu2: Vcpu) -> None:
    """Take vcpu1 off the end of the call chain, after vcpu2."""
    vcpu1.call_chain_prev = NULL  # L295
    vcpu2.call_chain_next = NULL  # L296


@source("src/api.c")
def is_ffa_direct_msg_request_ongoing(m: Machine, vcpu: Vcpu) -> bool:
    """Whether the vCPU serves a direct request."""
    return vcpu.dir_req_origin != HF_INVALID_VM_ID  # L188
