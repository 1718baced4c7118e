"""Fixes of FFA_ABORT, fatal faults, and FFA_ERROR."""

from __future__ import annotations

from typing import Final

from model.variants.language import Fix

ABORTS: Final = (
    Fix(
        name="error-refuses-other-world",
        text="In ffa_cpu_cycles_error_32, return NOT_SUPPORTED unless the caller is an SP of this world.",
        source="src/ffa/spmc/cpu_cycles.c:857",
        places=("ffa_cpu_cycles_error_32",),
        findings=("F02",),
    ),
    Fix(
        name="failed-init-is-aborted",
        text="In ffa_cpu_cycles_error_32, set the vCPU ABORTED when sp_boot_next has found another SP to boot, too.",
        source="src/ffa/spmc/cpu_cycles.c:864",
        places=("ffa_cpu_cycles_error_32",),
        findings=("F24",),
    ),
    Fix(
        name="abort-answers-request",
        text="In ffa_cpu_cycles_abort, in the runtime model of direct requests, go on as a direct response with "
        "FFA_ERROR(ABORTED) to the origin of the request does. (The part of the commit that concerns the call chain.)",
        source="src/ffa/spmc/cpu_cycles.c:897",
        places=("resume_after_abort",),
        findings=("F07", "F11"),
        upstream="7e7847c933d0",
    ),
    Fix(
        name="abort-resumes-caller",
        text="In ffa_cpu_cycles_abort, if the predecessor in the call chain is BLOCKED, remove the link and resume "
        "that vCPU with FFA_ERROR(ABORTED).",
        source="src/ffa/spmc/cpu_cycles.c:897",
        places=("resume_after_abort",),
        findings=("F07",),
    ),
    Fix(
        name="abort-unlinks-callee",
        text="In ffa_cpu_cycles_abort and ffa_cpu_cycles_error_32, take the successor in the call chain off it.",
        source="src/ffa/spmc/cpu_cycles.c:861, src/ffa/spmc/cpu_cycles.c:897",
        places=("ffa_cpu_cycles_abort", "ffa_cpu_cycles_error_32"),
        findings=("F06",),
    ),
    Fix(
        name="abort-resumes-preempted",
        text="In ffa_cpu_cycles_abort, in the runtime model of secure interrupt handling, resume the preempted vCPU as "
        "FFA_MSG_WAIT does.",
        source="src/ffa/spmc/cpu_cycles.c:897",
        places=("resume_after_abort",),
        findings=("F08",),
        upstream="9799a3a3d983",
    ),
    Fix(
        name="abort-ends-handling",
        text="In ffa_cpu_cycles_abort, in the runtime model of secure interrupt handling, reset runtime model and "
        "scheduling mode and set ABORTED before the lock is released, then lock both vCPUs and resume the preempted "
        "one if it is still PREEMPTED.",
        source="src/ffa/spmc/cpu_cycles.c:897",
        places=("resume_after_abort",),
        findings=("F08",),
    ),
    Fix(
        name="abort-boots-next",
        text="In ffa_cpu_cycles_abort, in the runtime model SP_INIT, boot the next SP; if there is none, tell the "
        "other world FFA_MSG_WAIT. (The commit sets ABORTED before it locks the next SP, and CHECKs, for other runtime "
        "models, that they are that of FFA_RUN.)",
        source="src/ffa/spmc/cpu_cycles.c:897",
        places=("resume_after_abort",),
        findings=("F10", "F53"),
        upstream="130cbdc64041",
    ),
    Fix(
        name="abort-unmasks",
        text="In ffa_cpu_cycles_abort, call ffa_interrupts_unmask. (Part of the commit. Of a vCPU whose mask was never "
        "saved, as during initialisation, it restores zero, which masks all interrupts.)",
        source="src/ffa/spmc/cpu_cycles.c:897",
        places=("ffa_cpu_cycles_abort",),
        findings=("F09",),
        upstream="9409306e925c",
    ),
    Fix(
        name="saved-mask-starts-open",
        text="In vcpu_init, set prev_interrupt_priority to the mask that lets all interrupts through.",
        source="src/vcpu.c:62",
        places=("load_secondary",),
        findings=("F09", "F58"),
    ),
    Fix(
        name="abort-resets-mode",
        text="In ffa_cpu_cycles_abort, reset scheduling mode and runtime model. (Part of the commit.)",
        source="src/ffa/spmc/cpu_cycles.c:897",
        places=("ffa_cpu_cycles_abort",),
        findings=("F23",),
        upstream="9409306e925c",
    ),
    Fix(
        name="abort-locks-both-first",
        text="In ffa_partition_abort, take the vCPU's lock before the VM's state is changed.",
        source="src/arch/aarch64/hypervisor/handler.c:1131",
        places=("ffa_partition_abort",),
        findings=("F32",),
    ),
)
