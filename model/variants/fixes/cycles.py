"""Fixes of FFA_RUN, of the end of interrupt handling, and of locks."""

from __future__ import annotations

from typing import Final

from model.variants.language import Fix

CYCLES: Final = (
    Fix(
        name="run-denies-self",
        text="In ffa_cpu_cycles_run_checks, return DENIED before the locks are taken if the target vCPU is the caller.",
        source="src/ffa/spmc/cpu_cycles.c:61",
        places=("ffa_cpu_cycles_run_checks",),
        findings=("F01",),
    ),
    Fix(
        name="run-checks-index",
        text="In ffa_cpu_cycles_run_checks, drop the condition that the caller is multiprocessor: the vCPU index of a "
        "multiprocessor target must be that of the present CPU, whoever calls.",
        source="src/ffa/spmc/cpu_cycles.c:54",
        places=("ffa_cpu_cycles_run_checks",),
        findings=("F04",),
    ),
    Fix(
        name="run-redirects-late",
        text="Let ffa_cpu_cycles_run_checks report the vCPU to resume instead of writing it to *next, and leave "
        "preempted_vcpu alone. In api_ffa_run, set *next and clear preempted_vcpu once api_vcpu_prepare_run has "
        "succeeded.",
        source="src/ffa/spmc/cpu_cycles.c:127-136, src/api.c:1465-1535",
        places=("ffa_cpu_cycles_run_checks", "api_ffa_run"),
        findings=("F03",),
    ),
    Fix(
        name="handler-denied-run",
        text="In ffa_cpu_cycles_run_checks, deny FFA_RUN to a caller in the runtime model of secure interrupt "
        "handling, before preempted_vcpu is looked at: FFA_MSG_WAIT is its way to end the handling.",
        source="src/ffa/spmc/cpu_cycles.c:105-136",
        places=("ffa_cpu_cycles_run_checks",),
        findings=("F12", "F45", "F52"),
    ),
    Fix(
        name="run-leaves-callees",
        text="In ffa_cpu_cycles_run_checks, deny FFA_RUN of a vCPU that has a predecessor in its call chain to "
        "everybody but that predecessor.",
        source="src/ffa/spmc/cpu_cycles.c:146",
        places=("ffa_cpu_cycles_run_checks", "is_not_to_be_run"),
        findings=("F06", "F07"),
    ),
    Fix(
        name="run-repeats-checks",
        text="In api_vcpu_prepare_run, once the locks are held, repeat the checks of ffa_cpu_cycles_run_checks on the "
        "vCPU's state and call chain, and return DENIED if one fails by now.",
        source="src/api.c:1251",
        places=("prepare_run_locked",),
        findings=("F46",),
    ),
    Fix(
        name="run-tells-aborted",
        text="In ffa_cpu_cycles_run_checks, give an SP whose target is ABORTED the reply that api_vcpu_prepare_run has "
        "for it, instead of DENIED.",
        source="src/ffa/spmc/cpu_cycles.c:82-87",
        places=("ffa_cpu_cycles_run_checks",),
        findings=("F35",),
    ),
    Fix(
        name="preempted-is-reserved",
        text="In api_vcpu_prepare_run, return BUSY for a PREEMPTED vCPU that another vCPU has recorded as its "
        "preempted_vcpu: the end of the interrupt handling resumes it.",
        source="src/api.c:1414",
        places=("prepare_run_locked",),
        findings=("F13",),
    ),
    Fix(
        name="run-marks-idle-only",
        text="In api_vcpu_prepare_run, when the VM is ABORTING, do not overwrite the state of a vCPU that is RUNNING "
        "or STARTING, or whose registers are not available.",
        source="src/api.c:1276-1281",
        places=("prepare_run_locked",),
        findings=("F18",),
    ),
    Fix(
        name="aborting-marks-nobody",
        text="In api_vcpu_prepare_run and api_ffa_msg_send_direct_req, when the target's VM is ABORTING, return the "
        "reply for an aborted partition at once instead of writing the vCPU's state.",
        source="src/api.c:1275-1281, src/api.c:2982-2991",
        places=("prepare_run_locked", "direct_request_locked"),
        findings=("F17", "F18", "F34"),
    ),
    Fix(
        name="init-accepts-any-state",
        text="In ffa_cpu_cycles_check_rtm_sp_init, drop the assertion that the vCPU is STARTING. (The commit also "
        "makes vcpu_set_running and vcpu_dir_req_set_state CHECK their transition, which is not modelled.)",
        source="src/ffa/spmc/cpu_cycles.c:735",
        places=("ffa_cpu_cycles_check_rtm_sp_init",),
        findings=("F14",),
        upstream="9dd976252b14",
    ),
    Fix(
        name="resumed-init-is-starting",
        text="In vcpu_set_running, and in vcpu_state_set on the way to RUNNING, set STARTING instead if the vCPU is in "
        "the runtime model SP_INIT.",
        source="src/vcpu.c:364, src/vcpu.c:828",
        places=("state_when_resumed",),
        findings=("F14",),
    ),
    Fix(
        name="interception-frees-registers",
        text="In ffa_interrupts_intercept_call, set regs_available of the vCPU that becomes PREEMPTED: it has not "
        "executed.",
        source="src/ffa/spmc/interrupts.c:798",
        places=("ffa_interrupts_intercept_call",),
        findings=("F16",),
    ),
    Fix(
        name="wait-unmasks-first",
        text="In ffa_cpu_cycles_msg_wait_prepare, in the runtime model of FFA_RUN, call ffa_interrupts_unmask before "
        "the call can be intercepted: the interception saves the mask, and gives it to the normal world in the end.",
        source="src/ffa/spmc/cpu_cycles.c:412-421",
        places=("ffa_cpu_cycles_msg_wait_prepare",),
        findings=("F27",),
    ),
    Fix(
        name="run-hands-down-mask",
        text="In ffa_cpu_cycles_init_schedule_mode_ffa_run, when an SP resumes a vCPU without predecessor in its "
        "call chain, which returns to the normal world, let it restore the mask that the first vCPU of the caller's "
        "call chain would have restored.",
        source="src/ffa/spmc/cpu_cycles.c:468",
        places=("ffa_cpu_cycles_init_schedule_mode_ffa_run",),
        findings=("F57",),
    ),
    Fix(
        name="older-interrupt-first",
        text="In ffa_interrupts_signal_secure_interrupt, drop the assertion that a WAITING target is told of the "
        "interrupt that has just arrived: it is told of the first one in its queue.",
        source="src/ffa/spmc/interrupts.c:287",
        places=("ffa_interrupts_signal_secure_interrupt",),
        findings=("F48",),
        upstream="cab82997725a",
    ),
    Fix(
        name="init-chain-keeps-interrupt",
        text="In ffa_interrupts_signal_secure_interrupt, leave the interrupt of a BLOCKED requester pending if the "
        "requester has no scheduling mode: the call chain has begun in an initialisation.",
        source="src/ffa/spmc/interrupts.c:304",
        places=("ffa_interrupts_signal_secure_interrupt",),
        findings=("F47",),
    ),
    Fix(
        name="run-gives-mode",
        text="In ffa_cpu_cycles_init_schedule_mode_ffa_run, when the normal world resumes a BLOCKED or PREEMPTED vCPU "
        "that has no scheduling mode, give it that of the normal world.",
        source="src/ffa/spmc/cpu_cycles.c:464",
        places=("ffa_cpu_cycles_init_schedule_mode_ffa_run",),
        findings=("F47",),
    ),
    Fix(
        name="wait-ends-managed-exit",
        text="In ffa_msg_wait_complete, clear processing_managed_exit. (The commit also asserts in vcpu_set_running "
        "and vcpu_dir_req_set_state that it is not set, which is not modelled.)",
        source="src/ffa/spmc/cpu_cycles.c:239",
        places=("ffa_msg_wait_complete",),
        findings=("F49",),
        upstream="aa5fdab99a75",
    ),
    Fix(
        name="unlock-once",
        text="Drop vcpu_unlock at the end of ffa_cpu_cycles_msg_wait_prepare, whose caller unlocks. In "
        "ffa_interrupts_handle_secure_interrupt, unlock the target only if it is not the current vCPU.",
        source="src/ffa/spmc/cpu_cycles.c:431, src/ffa/spmc/interrupts.c:499",
        places=("ffa_cpu_cycles_msg_wait_prepare", "ffa_interrupts_handle_secure_interrupt"),
        findings=("F26",),
    ),
)
