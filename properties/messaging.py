"""Direct requests and call chains: delivery, the open request, and the links between requester and receiver."""

from __future__ import annotations

from model.machine import NULL
from model.values import Func, RuntimeModel, VcpuState, VmState
from properties.language import at_rest, each_sp_vcpu
from properties.scopes import each_sp_vcpu_pair
from properties.statements import always, refinement, step
from properties.vocabulary import (
    DIRECT_REQUEST,
    DIRECT_RESPONSE,
    NO_RUN_BY_SPS,
    ONE_CPU_NORMAL_WORLD,
    has_callee,
    is_received,
    request_open,
    unchanged,
)

WIND = "src/ffa/spmc/direct_messaging.c:ffa_direct_msg_wind_call_chain_ffa_direct_req"
UNWIND = "src/ffa/spmc/direct_messaging.c:ffa_direct_msg_unwind_call_chain_ffa_direct_resp"
POWER_OFF = "src/ffa/spmc/direct_messaging.c:psci_cpu_off_success_fwk_resp"
PREEMPT = "src/ffa/spmc/interrupts.c:ffa_interrupts_unwind_nwd_call_chain"

P08 = step(
    "P08",
    "A direct request is delivered only to a vCPU that is ready for it",
    "The receiver's VM is RUNNING, the vCPU is WAITING with its registers saved, and it serves no other request. "
    "Anything else overwrites work in progress.",
    over=each_sp_vcpu,
    when=lambda label, before, after, old, new: is_received(label, old, Func.DIRECT_REQ, Func.DIRECT_REQ2),
    then=lambda label, before, after, old, new: (
        old.vm.state == VmState.RUNNING
        and old.state == VcpuState.WAITING
        and not request_open(old)
        and old.regs_available
    ),
    sources=(
        "src/api.c:api_ffa_msg_send_direct_req",
        "src/ffa/spmc/direct_messaging.c:build_psci_off_frmk_msg",
        "src/ffa/spmc/direct_messaging.c:find_next_vcpu_to_inform",
    ),
)
P08_R1 = refinement(
    P08,
    "P08.r1",
    "A partition's direct request is delivered only to a vCPU that is ready for it",
    "As P08, but for the framework message CPU_OFF, which goes to the last subscribed SP whatever its state.",
    where=lambda label, *_: label.action.operation == DIRECT_REQUEST and not label.action.arguments[0].is_framework,
)
P08_R2 = refinement(
    P08,
    "P08.r2",
    "With no CPU powered off, a direct request is delivered only to a vCPU that is ready for it",
    "As P08, as long as the normal world keeps to CPU 0 and leaves it on.",
    assuming=ONE_CPU_NORMAL_WORLD,
)

P29 = always(
    "P29",
    "A WAITING vCPU is in no call chain",
    "A vCPU that waits for work has no requester and no open callee. Links that are left over deny FFA_RUN from "
    "other CPUs and panic the SPMC at the next direct request.",
    over=each_sp_vcpu,
    when=lambda m, vcpu: vcpu.state == VcpuState.WAITING,
    then=lambda m, vcpu: vcpu.call_chain_prev == NULL and not has_callee(vcpu),
    sources=("src/ffa/spmc/cpu_cycles.c:ffa_msg_wait_complete", WIND, UNWIND, POWER_OFF),
)
P29_R1 = always(
    "P29.r1",
    "At rest, with no CPU powered off, a WAITING vCPU has no requester",
    "As P29, for the link to the requester, between operations, as long as no CPU_OFF tears a call chain apart.",
    over=each_sp_vcpu,
    when=lambda m, vcpu: vcpu.state == VcpuState.WAITING and at_rest(m),
    then=lambda m, vcpu: vcpu.call_chain_prev == NULL,
    sources=P29.sources,
    assuming=ONE_CPU_NORMAL_WORLD,
    refines="P29",
)

P30 = always(
    "P30",
    "A WAITING vCPU serves no request",
    "A vCPU that waits for work has answered every direct request. One that still has a request open is BUSY for "
    "every sender, for ever.",
    over=each_sp_vcpu,
    when=lambda m, vcpu: vcpu.state == VcpuState.WAITING,
    then=lambda m, vcpu: not request_open(vcpu),
    sources=("src/api.c:api_ffa_msg_send_direct_resp", "src/ffa/spmc/cpu_cycles.c:sp_boot_next", POWER_OFF),
)
P30_R1 = refinement(
    P30,
    "P30.r1",
    "With no CPU powered off, a WAITING vCPU serves no request",
    "As P30, as long as the normal world leaves CPU 0 on: CPU_OFF and the next boot of a vCPU forget to close the "
    "request that it was serving.",
    assuming=ONE_CPU_NORMAL_WORLD,
)

P31A = always(
    "P31a",
    "A vCPU in the runtime model of direct requests serves one",
    "The runtime model DIR_REQ is entered with a request and left with its answer.",
    over=each_sp_vcpu,
    when=lambda m, vcpu: vcpu.rt_model == RuntimeModel.FFA_DIR_REQ,
    then=lambda m, vcpu: request_open(vcpu),
    sources=(WIND, UNWIND, "src/api.c:api_ffa_msg_send_direct_resp"),
)
P31A_R1 = refinement(
    P31A,
    "P31a.r1",
    "At rest, a vCPU in the runtime model of direct requests serves one",
    "As P31a, between operations: a response closes the request first and leaves the model after a window.",
    where=lambda m, vcpu: at_rest(m),
)

P31B = always(
    "P31b",
    "A vCPU that serves a direct request is in the runtime model FFA_DIR_REQ",
    "As long as a request is open, its receiver may only do what that model allows. (The converse of P31a.)",
    over=each_sp_vcpu,
    when=lambda m, vcpu: request_open(vcpu),
    then=lambda m, vcpu: vcpu.rt_model == RuntimeModel.FFA_DIR_REQ,
    sources=(WIND, UNWIND, POWER_OFF, "src/ffa/spmc/cpu_cycles.c:sp_boot_next"),
)
P31B_R1 = refinement(
    P31B,
    "P31b.r1",
    "With no CPU powered off, a vCPU that serves a direct request is in the runtime model FFA_DIR_REQ",
    "As P31b, as long as no CPU_OFF leaves a request open across a power cycle.",
    assuming=ONE_CPU_NORMAL_WORLD,
)

P32A = always(
    "P32a",
    "The callee of a call chain knows its caller",
    "If v's successor is w, then w's predecessor is v: unwinding reads one link and trusts the other.",
    over=each_sp_vcpu_pair,
    when=lambda m, vcpu, other: vcpu.call_chain_next == other,
    then=lambda m, vcpu, other: other.call_chain_prev == vcpu,
    sources=("inc/hf/vcpu.h:vcpu_call_chain_extend", "inc/hf/vcpu.h:vcpu_call_chain_remove_node", PREEMPT),
)

P32A_R1 = refinement(
    P32A,
    "P32a.r1",
    "With one CPU, the callee of a call chain knows its caller",
    "As P32a, as long as the normal world keeps to CPU 0: neither FFA_RUN by an SP, nor a race of FFA_RUN with a "
    "request, makes a link of the chain execute on another CPU.",
    assuming=ONE_CPU_NORMAL_WORLD,
)

P32B = always(
    "P32b",
    "The caller of a call chain knows its callee",
    "If w's predecessor is v, then v's successor is w. A requester that goes on after its callee yielded may start "
    "a second request, which overwrites the link to the first.",
    over=each_sp_vcpu_pair,
    when=lambda m, vcpu, other: vcpu.call_chain_prev == other,
    then=lambda m, vcpu, other: other.call_chain_next == vcpu,
    sources=P32A.sources,
)
P32B_R1 = step(
    "P32b.r1",
    "A caller forgets its callee only by another request or a late response, where SPs do not call FFA_RUN",
    "Once caller and callee know each other, the caller's link is lost only together with the callee's, or because "
    "the caller sends another request, or because an earlier callee answers at last.",
    over=each_sp_vcpu_pair,
    when=lambda label, before, after, old, new, old_caller, new_caller: (
        old.call_chain_prev == old_caller and old_caller.call_chain_next == old
    ),
    then=lambda label, before, after, old, new, old_caller, new_caller: (
        unchanged(old_caller, new_caller, "call_chain_next")
        or not unchanged(old, new, "call_chain_prev")
        or label.action.operation in (DIRECT_REQUEST, DIRECT_RESPONSE)
    ),
    sources=P32B.sources,
    assuming=NO_RUN_BY_SPS,
    refines="P32b",
)
