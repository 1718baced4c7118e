"""Fixes of booting, of CPU_ON and CPU_OFF, and of the hypervisor build."""

from __future__ import annotations

from typing import Final

from model.variants.language import Fix

BOOT_AND_POWER: Final = (
    Fix(
        name="boot-skips-aborting",
        text="In plat_psci_get_boot_vm and sp_boot_next, pass over SPs whose VM is ABORTING, and make their vCPU "
        "ABORTED. In plat_psci_cpu_resume, set last_sp_initialized if no SP is left to boot.",
        source="src/arch/aarch64/plat/psci/spmc.c:94-116, src/ffa/spmc/cpu_cycles.c:303-306",
        places=("passed_over_at_boot", "plat_psci_cpu_resume"),
        findings=("F19", "F23"),
    ),
    Fix(
        name="boot-skips-booted",
        text="In plat_psci_get_boot_vm and sp_boot_next, pass over SPs whose vCPU is neither CREATED nor OFF. In "
        "plat_psci_cpu_resume, set last_sp_initialized if no SP is left to boot.",
        source="src/arch/aarch64/plat/psci/spmc.c:94-116, src/ffa/spmc/cpu_cycles.c:303-306",
        places=("passed_over_at_boot", "plat_psci_cpu_resume"),
        findings=("F22", "F23"),
    ),
    Fix(
        name="boot-skips-unloaded",
        text="In plat_psci_get_boot_vm and sp_boot_next, pass over SPs whose VM is NULL, because they could not be "
        "loaded. In plat_psci_cpu_resume, set last_sp_initialized if no SP is left to boot.",
        source="src/arch/aarch64/plat/psci/spmc.c:94-116, src/ffa/spmc/cpu_cycles.c:303-306",
        places=("passed_over_at_boot", "plat_psci_cpu_resume"),
        findings=("F50",),
    ),
    Fix(
        name="resume-skips-booted",
        text="In plat_psci_cpu_resume, go to the other world if the first SP's vCPU is neither CREATED nor OFF.",
        source="src/arch/aarch64/plat/psci/spmc.c:142",
        places=("plat_psci_cpu_resume",),
        findings=("F22",),
        upstream="cc8894aeae41",
    ),
    Fix(
        name="boot-releases-current",
        text="In sp_boot_next, release the current vCPU's lock before the next VM's is taken, and take it again at the "
        "end.",
        source="src/ffa/spmc/cpu_cycles.c:335",
        places=("sp_boot_next",),
        findings=("F25",),
    ),
    Fix(
        name="boot-holds-vm-lock",
        text="In plat_psci_cpu_resume and sp_boot_next, take the VM's lock before the vCPU's and hold it until both "
        "states are changed.",
        source="src/arch/aarch64/plat/psci/spmc.c:142-167, src/ffa/spmc/cpu_cycles.c:335-362",
        places=("plat_psci_cpu_resume", "sp_boot_next"),
        findings=("F31",),
    ),
    Fix(
        name="cpu-off-asks-the-ready",
        text="In find_next_vcpu_to_inform, return a vCPU only if it is WAITING with its registers available, in a VM "
        "that is not ABORTING, and NULL at the end of the loop.",
        source="src/ffa/spmc/direct_messaging.c:369-385",
        places=("find_next_vcpu_to_inform",),
        findings=("F20",),
    ),
    Fix(
        name="cpu-off-saves-mask",
        text="In handle_psci_framework_msg, save the priority mask in prev_interrupt_priority of the vCPU that is sent "
        "the message, before all interrupts are masked. In handle_sp_cpu_off_framework_resp, hand it on to the next "
        "one.",
        source="src/ffa/spmc/direct_messaging.c:445, src/ffa/spmc/direct_messaging.c:644",
        places=("ffa_direct_msg_handle_framework_msg", "handle_sp_cpu_off_framework_resp"),
        findings=("F58",),
    ),
    Fix(
        name="off-when-all-agree",
        text="In handle_sp_cpu_off_framework_resp, leave the vCPU WAITING, if it was RUNNING, when its SP agrees: "
        "psci_cpu_off_success_fwk_resp marks every vCPU of the CPU OFF in the end.",
        source="src/ffa/spmc/direct_messaging.c:629",
        places=("state_after_agreeing",),
        findings=("F56",),
    ),
    Fix(
        name="off-resets-vcpu",
        text="In psci_cpu_off_success_fwk_resp, reset request, runtime model, scheduling mode, pwr_mgmt_op, "
        "preempted_vcpu, prev_interrupt_priority, and the call chain at both ends, of each vCPU that is turned OFF.",
        source="src/ffa/spmc/direct_messaging.c:404",
        places=("psci_cpu_off_success_fwk_resp",),
        findings=("F21",),
    ),
    Fix(
        name="prepare-restores-init",
        text="In vcpu_prepare, set the runtime model SP_INIT.",
        source="src/vcpu.c:84",
        places=("vcpu_prepare",),
        findings=("F28",),
    ),
    Fix(
        name="first-run-on-any-cpu",
        text="In api_vcpu_prepare_run, set the VM RUNNING at the first FFA_RUN of a vCPU on whatever CPU.",
        source="src/api.c:1353",
        places=("prepare_run_locked",),
        findings=("F29",),
    ),
    Fix(
        name="first-run-on-primary-cpu",
        text="In api_vcpu_prepare_run, return BUSY for the first FFA_RUN of a VM that is called on another CPU than 0.",
        source="src/api.c:1353",
        places=("prepare_run_locked",),
        findings=("F29",),
    ),
    Fix(
        name="primary-runs-from-boot",
        text="In plat_psci_cpu_resume of the hypervisor, set the primary VM and the vCPU that is entered RUNNING.",
        source="src/arch/aarch64/plat/psci/hypervisor.c:67",
        places=("hypervisor_cpu_resume",),
        findings=("F30",),
    ),
)
