"""Fixes of direct messages, and of call chains that are left by FFA_YIELD."""

from __future__ import annotations

from typing import Final

from model.variants.language import Fix

MESSAGES: Final = (
    Fix(
        name="open-callee-denies-leaving",
        text="In ffa_cpu_cycles_check_runtime_state_transition, deny FFA_MSG_WAIT, FFA_YIELD and direct responses to "
        "an SP whose call_chain.next_node is set, and FFA_YIELD to a callee outside of the normal world's call chains, "
        "whose requester could not resume it. In ffa_interrupts_unwind_nwd_call_chain, drop the assertion that "
        "next_node is not set.",
        source="src/ffa/spmc/cpu_cycles.c:800, src/ffa/spmc/interrupts.c:547",
        places=("ffa_cpu_cycles_check_runtime_state_transition", "ffa_interrupts_unwind_nwd_call_chain"),
        findings=("F05",),
    ),
    Fix(
        name="open-callee-denies-requests",
        text="In ffa_cpu_cycles_check_runtime_state_transition, deny direct requests to an SP whose "
        "call_chain.next_node is set: the link to its callee would be overwritten.",
        source="src/ffa/spmc/cpu_cycles.c:800",
        places=("ffa_cpu_cycles_check_runtime_state_transition",),
        findings=("F05",),
    ),
    Fix(
        name="preemption-keeps-link",
        text="In ffa_interrupts_unwind_nwd_call_chain, leave the callee that is preempted in its call chain, as "
        "FFA_YIELD does, and drop the assertion that next_node is not set.",
        source="src/ffa/spmc/interrupts.c:547, src/ffa/spmc/interrupts.c:565, src/ffa/spmc/interrupts.c:577",
        places=("ffa_interrupts_unwind_nwd_call_chain",),
        findings=("F55",),
    ),
    Fix(
        name="return-to-blocked-only",
        text="In direct responses, in ffa_cpu_cycles_yield_prepare and in ffa_interrupts_unwind_nwd_call_chain, once "
        "both vCPUs are locked, go to the other world instead if the requester is an SP that is not BLOCKED; a "
        "response also unlinks the caller then.",
        source="src/api.c:3303, src/ffa/spmc/cpu_cycles.c:518, src/ffa/spmc/interrupts.c:574",
        places=("is_gone",),
        findings=("F06",),
    ),
    Fix(
        name="resumed-takes-registers",
        text="In api_ffa_msg_send_direct_resp and ffa_cpu_cycles_yield_prepare, clear regs_available of the requester "
        "that becomes RUNNING.",
        source="src/api.c:3303, src/ffa/spmc/cpu_cycles.c:518",
        places=("take_registers",),
        findings=("F15",),
    ),
    Fix(
        name="spmc-mode-not-intercepted",
        text="In api_ffa_msg_send_direct_resp, do not intercept the call if the requester is in SPMC-scheduled mode.",
        source="src/api.c:3311",
        places=("api_ffa_msg_send_direct_resp",),
        findings=("F12",),
    ),
    Fix(
        name="response-locks-both-first",
        text="In api_ffa_msg_send_direct_resp, lock both vCPUs before the request is closed, and make all changes "
        "under both locks.",
        source="src/api.c:3280-3293",
        places=("api_ffa_msg_send_direct_resp",),
        findings=("F33",),
    ),
    Fix(
        name="caller-decides-checks",
        text="In ffa_cpu_cycles_check_runtime_state_transition, let current->vm->id instead of the sender's id decide "
        "whether the runtime model is checked: EL3 partitions send through the other world's vCPU.",
        source="src/ffa/spmc/cpu_cycles.c:800",
        places=("ffa_cpu_cycles_check_runtime_state_transition",),
        findings=("F51",),
    ),
    Fix(
        name="request-tells-aborted",
        text="In api_ffa_msg_send_direct_req, answer for an ABORTED receiver before an open request is looked for.",
        source="src/api.c:3009",
        places=("direct_request_locked",),
        findings=("F11",),
    ),
    Fix(
        name="aborted-from-any-state",
        text="In vcpu_state_set, let every state but NULL become ABORTED.",
        source="src/vcpu.c:768-803",
        places=("vcpu_state_set",),
        findings=("F17",),
    ),
)
