"""Direct requests and responses (src/api.c, src/ffa/spmc/direct_messaging.c)."""

from __future__ import annotations

from model.machine import NULL, Machine, Vcpu
from model.operations.ffa_run import aborted_reply
from model.operations.fixes import is_gone, take_registers, unlink_from_requester
from model.operations.hypervisor import (
    hypervisor_is_direct_request_valid,
    hypervisor_is_direct_response_valid,
)
from model.operations.interrupts import (
    ffa_interrupts_intercept_call,
    ffa_interrupts_mask,
    ffa_interrupts_unmask,
)
from model.operations.power_management import (
    ffa_direct_msg_handle_framework_msg,
    ffa_direct_msg_handle_framework_msg_resp,
)
from model.operations.runtime_models import (
    ffa_cpu_cycles_check_runtime_state_transition,
    ffa_direct_msg_precedes_in_call_chain,
)
from model.operations.switch import (
    api_ffa_get_vm_vcpu,
    api_switch_to_other_world,
    api_switch_to_primary,
    api_switch_to_vm,
)
from model.operations.vcpu import (
    is_ffa_direct_msg_request_ongoing,
    vcpu_call_chain_extend,
    vcpu_call_chain_remove_node,
    vcpu_dir_req_set_state,
    vcpu_state_set,
)
from model.operations.virtual_interrupts import vcpu_virt_interrupt_clear
from model.source import source
from model.values import (
    EL3_SPMD_LP_ID_END,
    EL3_SPMD_LP_ID_START,
    HF_HYPERVISOR_VM_ID,
    HF_INVALID_VM_ID,
    HF_MANAGED_EXIT_INTID,
    INTERRUPT_RETURN,
    DirectMessage,
    FfaError,
    FfaValue,
    Func,
    InterruptAction,
    Reply,
    RuntimeModel,
    SchedulingMode,
    VcpuState,
    VmState,
    ffa_error,
)

API_C = "src/api.c"
DIRECT_MESSAGING_C = "src/ffa/spmc/direct_messaging.c"


@source(DIRECT_MESSAGING_C)
def ffa_direct_msg_is_spmd_lp_id(m: Machine, vm_id: int) -> bool:
    """Whether the id is one of an EL3 logical partition."""
    return m.is_spmc and EL3_SPMD_LP_ID_START <= vm_id <= EL3_SPMD_LP_ID_END  # L583


@source(DIRECT_MESSAGING_C)
def ffa_direct_msg_is_direct_request_valid(m: Machine, current: Vcpu, args: DirectMessage) -> bool:
    """From an SP in its own name, or from the normal world in the name of a VM or EL3 partition; to an SP."""
    if not m.is_spmc:
        return hypervisor_is_direct_request_valid(m, current, args)
    current_vm_id = current.vm.id  # L26
    return (
        args.sender != args.receiver
        and m.is_current_world(args.receiver)
        and (
            args.sender == current_vm_id
            or (
                current_vm_id == HF_HYPERVISOR_VM_ID
                and (ffa_direct_msg_is_spmd_lp_id(m, args.sender) or not m.is_current_world(args.sender))
            )
        )
    )  # L34-39


@source(DIRECT_MESSAGING_C)
def ffa_direct_msg_is_direct_response_valid(m: Machine, current: Vcpu, args: DirectMessage) -> bool:
    """From an SP in its own name."""
    if not m.is_spmc:
        return hypervisor_is_direct_response_valid(m, current, args)
    return args.sender != args.receiver and args.sender == current.vm.id and m.is_current_world(args.sender)  # L114-116


@source(DIRECT_MESSAGING_C)
def ffa_direct_msg_unwind_call_chain_ffa_direct_resp(m: Machine, current: Vcpu, next_vcpu: Vcpu) -> None:
    """Current leaves the call chain after its response."""
    if not m.is_spmc:
        return
    m.assert_(current.call_chain_next == NULL, f"{DIRECT_MESSAGING_C}:149")  # L149
    current.scheduling_mode = SchedulingMode.NONE  # L150
    current.rt_model = RuntimeModel.NONE  # L151
    ffa_interrupts_unmask(m, current)  # L154
    if not m.is_current_world(next_vcpu.vm.id):  # L156
        m.assert_(current.call_chain_prev == NULL, f"{DIRECT_MESSAGING_C}:158")  # L158
    else:
        vcpu_call_chain_remove_node(m, current, next_vcpu)  # L161


@source(DIRECT_MESSAGING_C)
def ffa_direct_msg_wind_call_chain_ffa_direct_req(m: Machine, current: Vcpu, receiver: Vcpu, sender: int) -> None:
    """The receiver of a direct request enters the call chain, or starts one."""
    if not m.is_spmc:
        return
    m.check(receiver.scheduling_mode == SchedulingMode.NONE, f"{DIRECT_MESSAGING_C}:177")  # L177
    m.check(receiver.call_chain_prev == NULL, f"{DIRECT_MESSAGING_C}:178")  # L178
    m.check(receiver.call_chain_next == NULL, f"{DIRECT_MESSAGING_C}:179")  # L179
    m.check(receiver.rt_model == RuntimeModel.NONE, f"{DIRECT_MESSAGING_C}:180")  # L180
    receiver.rt_model = RuntimeModel.FFA_DIR_REQ  # L182
    if not m.is_current_world(sender):  # L184
        receiver.scheduling_mode = SchedulingMode.NWD_MODE  # L186
    elif ffa_direct_msg_is_spmd_lp_id(m, sender):  # L187
        receiver.scheduling_mode = SchedulingMode.SPMC_MODE  # L188
    else:
        vcpu_call_chain_extend(m, current, receiver)  # L191
        receiver.scheduling_mode = current.scheduling_mode  # L192
    ffa_interrupts_mask(m, receiver)  # L194


@source(API_C)
def api_ffa_msg_send_direct_req(m: Machine, current: Vcpu, args: DirectMessage) -> Reply:
    """FFA_MSG_SEND_DIRECT_REQ and FFA_MSG_SEND_DIRECT_REQ2."""
    if args.is_framework and m.is_spmc:  # L2912
        return ffa_direct_msg_handle_framework_msg(m, current, args)  # L2913
    if not ffa_direct_msg_is_direct_request_valid(m, current, args):  # L2917
        return ffa_error(FfaError.INVALID_PARAMETERS), None  # L2920
    receiver_vm = m.vm_find(args.receiver)  # L2930
    if receiver_vm is None:  # L2931
        return ffa_error(FfaError.INVALID_PARAMETERS), None  # L2933
    receiver = api_ffa_get_vm_vcpu(m, receiver_vm, current)  # L2958
    if receiver == NULL:  # L2959
        return ffa_error(FfaError.INVALID_PARAMETERS), None  # L2961
    m.lock(receiver_vm)  # L2968
    m.lock_both(current, receiver)  # L2971
    ret = direct_request_locked(m, current, receiver, args)
    m.unlock(receiver)  # L3091
    m.unlock(receiver_vm)  # L3092
    m.unlock(current)  # L3093
    return ret, receiver if ret == INTERRUPT_RETURN else None


@source(API_C)
def direct_request_locked(m: Machine, current: Vcpu, receiver: Vcpu, args: DirectMessage) -> FfaValue:
    """The part of api_ffa_msg_send_direct_req under its locks; FFA_INTERRUPT when the receiver is to run."""
    if m.chosen("H06", "after"):
        match receiver.vm.state:  # L2975
            case VmState.NULL:  # L2976
                return ffa_error(FfaError.INVALID_PARAMETERS)  # L2977
            case VmState.CREATED:  # L2979
                if m.chosen("init-request", "DENIED", when=lambda: is_initialising(m, current, args)):
                    return ffa_error(FfaError.DENIED)
                return ffa_error(FfaError.BUSY)  # L2980
            case VmState.ABORTING:  # L2982
                if m.chosen("aborting-marks-nobody", "fixed"):
                    return aborted_reply(m, receiver.vm)
                if receiver.state not in (VcpuState.NULL, VcpuState.ABORTED, VcpuState.STOPPED):  # L2983
                    m.check(vcpu_state_set(m, receiver, VcpuState.ABORTED), "src/api.c:2991")  # L2990
    if m.chosen("request-tells-aborted", "fixed", when=lambda: receiver.state == VcpuState.ABORTED):
        return aborted_reply(m, receiver.vm)
    if (
        is_ffa_direct_msg_request_ongoing(m, receiver)
        or receiver.state == VcpuState.RUNNING
        or not receiver.regs_available
    ):  # L3009
        return reply_of_busy(m, current, receiver, args)  # L3013
    allowed, next_state = ffa_cpu_cycles_check_runtime_state_transition(
        m, current, args.sender, HF_INVALID_VM_ID, receiver, args.func
    )  # L3017
    if not allowed:
        if m.chosen("refusal-order", "receiver-first"):
            refusal = reply_of_unavailable(m, receiver)
            if refusal is not None:
                return refusal
        return ffa_error(FfaError.DENIED)  # L3020
    if (
        m.chosen("H07", "before")
        and receiver.vm.aborting
        and receiver.state not in (VcpuState.NULL, VcpuState.ABORTED, VcpuState.STOPPED)
    ):
        m.check(vcpu_state_set(m, receiver, VcpuState.ABORTED), "src/api.c:2991")
    refusal = reply_of_unavailable(m, receiver)
    if refusal is not None:
        return refusal
    receiver.cpu = current.cpu  # L3059
    vcpu_dir_req_set_state(m, receiver, args.func is Func.DIRECT_REQ2, args)  # L3060
    m.assert_(
        not m.is_current_world(current.vm.id) or next_state == VcpuState.BLOCKED,
        "src/api.c:3064",
    )  # L3064
    m.check(vcpu_state_set(m, current, VcpuState.BLOCKED), "src/api.c:3066")  # L3066
    ffa_direct_msg_wind_call_chain_ffa_direct_req(m, current, receiver, args.sender)  # L3068
    return INTERRUPT_RETURN  # L3095


@source(API_C)
def reply_of_unavailable(m: Machine, receiver: Vcpu) -> FfaValue | None:
    """The switch of api_ffa_msg_send_direct_req on the receiver's state; None if it waits."""
    match receiver.state:  # L3024
        case VcpuState.ABORTED:  # L3025
            return aborted_reply(m, receiver.vm)  # L3026-3029
        case VcpuState.NULL:  # L3043
            return ffa_error(FfaError.INVALID_PARAMETERS)  # L3044
        case VcpuState.WAITING:  # L3046
            return None
        case _ if m.chosen("off-target-request", "DENIED", when=lambda: receiver.state == VcpuState.OFF):
            return ffa_error(FfaError.DENIED)
        case _:
            return ffa_error(FfaError.BUSY)  # L3041


def is_initialising(m: Machine, current: Vcpu, args: DirectMessage) -> bool:
    """Whether the sender of a request is an SP that initialises itself."""
    return m.is_spmc and m.is_current_world(args.sender) and bool(current.rt_model == RuntimeModel.SP_INIT)


def reply_of_busy(m: Machine, current: Vcpu, receiver: Vcpu, args: DirectMessage) -> FfaValue:
    """What the sender of a request is told whose receiver executes or has a request to answer: in the C, BUSY."""
    if m.chosen(
        "aborted-with-request", "ABORTED", when=lambda: receiver.state == VcpuState.ABORTED and receiver.regs_available
    ):
        return aborted_reply(m, receiver.vm)
    if m.is_current_world(args.sender) and m.chosen(
        "cyclic-request", "DENIED", when=lambda: ffa_direct_msg_precedes_in_call_chain(m, current, receiver)
    ):
        return ffa_error(FfaError.DENIED)
    return ffa_error(FfaError.BUSY)


@source(API_C)
def api_ffa_resume_direct_resp_target(
    m: Machine, current: Vcpu, receiver_vm_id: int, to_ret: FfaValue, to_state: VcpuState = VcpuState.WAITING
) -> Vcpu:
    """Current waits; the vCPU the response goes to."""
    if ffa_direct_msg_is_spmd_lp_id(m, receiver_vm_id) or not m.is_current_world(receiver_vm_id):  # L3108
        return api_switch_to_other_world(m, current, to_ret, to_state)  # L3110
    if receiver_vm_id == m.primary_vm_id:  # L3116
        return api_switch_to_primary(m, current, to_ret, to_state)  # L3117
    return api_switch_to_vm(m, current, to_ret, to_state, receiver_vm_id)  # L3125


@source(API_C)
def api_ffa_msg_send_direct_resp_validate_ongoing_request(m: Machine, current: Vcpu, args: DirectMessage) -> bool:
    """Whether the response is of the kind of the request being served."""
    if not is_ffa_direct_msg_request_ongoing(m, current):  # L3175
        return False  # L3176
    if current.dir_req_framework and not args.is_framework:  # L3179
        return False  # L3185
    is_resp2 = args.func is Func.DIRECT_RESP2
    return current.dir_req2 == is_resp2  # L3188-3195


def lock_current_and_requester(m: Machine, current: Vcpu, requester_id: int) -> None:
    """`response-locks-both-first`: release current's lock, and take it together with the requester's."""
    from_other_world = ffa_direct_msg_is_spmd_lp_id(m, requester_id) or not m.is_current_world(requester_id)
    vm_id = m.other_world_id if m.is_spmc and from_other_world else requester_id
    requester = api_ffa_get_vm_vcpu(m, m.vm_find(vm_id), current)
    m.unlock(current)
    m.window("W4")
    m.lock_both(current, requester)


@source(API_C)
def api_ffa_msg_send_direct_resp(m: Machine, current: Vcpu, args: DirectMessage) -> Reply:
    """FFA_MSG_SEND_DIRECT_RESP and FFA_MSG_SEND_DIRECT_RESP2."""
    if not ffa_direct_msg_is_direct_response_valid(m, current, args):  # L3232
        return ffa_error(FfaError.INVALID_PARAMETERS), None  # L3233
    m.lock(current)  # L3236
    allowed, next_state = ffa_cpu_cycles_check_runtime_state_transition(
        m, current, args.sender, args.receiver, NULL, args.func
    )  # L3238
    if not allowed:
        m.unlock(current)  # L3318
        return ffa_error(FfaError.DENIED), None  # L3241
    m.assert_(
        not m.is_current_world(current.vm.id) or next_state == VcpuState.WAITING,
        "src/api.c:3245",
    )  # L3245
    if not api_ffa_msg_send_direct_resp_validate_ongoing_request(m, current, args):  # L3248
        m.unlock(current)  # L3318
        return ffa_error(FfaError.DENIED), None  # L3250
    if args.is_framework and m.is_spmc:  # L3254
        reply = ffa_direct_msg_handle_framework_msg_resp(m, current, args)  # L3255
        m.unlock(current)  # L3318
        return reply
    if (
        m.is_spmc
        and current.vm.partition.ns_interrupts_action is InterruptAction.ME
        and current.processing_managed_exit
    ):  # L3260
        m.check(current.scheduling_mode != SchedulingMode.SPMC_MODE, "src/api.c:3261")  # L3261
        ffa_interrupts_unmask(m, current)  # L3263
        current.processing_managed_exit = False  # L3273
        vcpu_virt_interrupt_clear(m, current, HF_MANAGED_EXIT_INTID)  # L3275
    if m.chosen("response-locks-both-first", "fixed"):
        lock_current_and_requester(m, current, args.receiver)
    current.dir_req2 = False  # L3280
    current.dir_req_origin = HF_INVALID_VM_ID  # L3281
    next_vcpu = api_ffa_resume_direct_resp_target(m, current, args.receiver, FfaValue(args.func))  # L3283
    if m.chosen("response-locks-both-first", "as-is"):
        m.unlock(current)  # L3290
        m.window("W4")
        m.lock_both(current, next_vcpu)  # L3293
    m.join()
    if is_gone(m, next_vcpu):
        unlink_from_requester(m, current)
        m.unlock(next_vcpu)
        next_vcpu = api_switch_to_other_world(m, current, FfaValue(Func.MSG_WAIT), VcpuState.WAITING)
        m.lock(next_vcpu)
    ffa_direct_msg_unwind_call_chain_ffa_direct_resp(m, current, next_vcpu)  # L3299
    m.check(vcpu_state_set(m, next_vcpu, VcpuState.RUNNING), "src/api.c:3303")  # L3303
    take_registers(m, next_vcpu)
    m.join()
    in_spmc_mode = m.chosen(
        "spmc-mode-not-intercepted", "fixed", when=lambda: next_vcpu.scheduling_mode == SchedulingMode.SPMC_MODE
    )
    intercepted = not in_spmc_mode and ffa_interrupts_intercept_call(m, current, next_vcpu)  # L3311
    m.unlock(next_vcpu)  # L3315
    m.unlock(current)  # L3318
    return INTERRUPT_RETURN, None if intercepted else next_vcpu  # L3319
