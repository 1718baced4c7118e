"""Readings about initialisation: how SPs start, how starting fails, and when a VM is RUNNING."""

from __future__ import annotations

from typing import Final

from model.variants.language import Reading

BOOT_READINGS: Final = (
    Reading(
        name="init-error-version",
        default="accepted",
        other="denied",
        text="May an SP of FF-A v1.3 still report a failed initialisation by FFA_ERROR?",
        rule="Rule I0096 of FF-A v1.3 ALP2, as cited by src/ffa/spmc/cpu_cycles.c:757; the test of the version that "
        "follows the citation is not called for FFA_ERROR.",
        default_means="FFA_ERROR(ABORTED) is accepted from every SP.",
        other_means="FFA_ABORT is the only way for an SP of v1.3 (in the model: a lifecycle-aware one); FFA_ERROR is "
        "DENIED.",
        source="src/ffa/spmc/cpu_cycles.c:857",
        places=("ffa_cpu_cycles_error_32",),
    ),
    Reading(
        name="init-error-code",
        default="ABORTED",
        other="any",
        text="Which error code of FFA_ERROR means that the initialisation failed?",
        rule="FF-A v1.2, section 8.5, as cited by the comment at src/ffa/spmc/cpu_cycles.c:840.",
        default_means="Only ABORTED does; other codes are NOT_SUPPORTED, and the SP goes on.",
        other_means="Every code does.",
        source="src/ffa/spmc/cpu_cycles.c:857",
        places=("ffa_cpu_cycles_error_32",),
        assumes=("other_errors",),
    ),
    Reading(
        name="init-failed-state",
        default="WAITING",
        other="ABORTED",
        text="In which state is the vCPU of an SP whose initialisation failed?",
        rule="No rule is cited. Hafnium's code disagrees with itself: WAITING at src/ffa/spmc/cpu_cycles.c:309 if "
        "another SP is to boot, ABORTED at line 873 if none is.",
        default_means="It is left WAITING while the next SP boots, as one that succeeded.",
        other_means="It is ABORTED, whether another SP is to boot or not.",
        source="src/ffa/spmc/cpu_cycles.c:309, src/ffa/spmc/cpu_cycles.c:864",
        places=("state_after_failed_boot",),
    ),
    Reading(
        name="init-failed-secondary",
        default="started",
        other="left-out",
        text="An MP SP was aborted, for instance in its initialisation; a CPU comes up. Is its vCPU there started?",
        rule="FF-A v1.3 ALP1, section 18.2.2, as cited by Hafnium's secure-partition-manager.rst:560: each pinned "
        "execution context of every MP SP is woken up. It is not said whether that includes aborted SPs.",
        default_means="The boot chain of the CPU starts it.",
        other_means="The boot chain leaves out SPs whose VM is ABORTING; their vCPU there is ABORTED.",
        source="src/vm.c:1192, src/vm.c:1223",
        places=("vm_leave_out",),
    ),
    Reading(
        name="abort-in-init",
        default="normal-world",
        other="next-boots",
        text="An SP calls FFA_ABORT while it initialises. Do the SPs after it in boot order still boot?",
        rule="Rule I0072 in section 7.2.4 of FF-A v1.3 ALP2, as cited by src/ffa/spmc/cpu_cycles.c:766, allows the "
        "call; what follows is not cited. After FFA_ERROR the chain goes on (src/ffa/spmc/cpu_cycles.c:864).",
        default_means="The normal world runs at once, and is told ABORTED; later SPs do not boot on this CPU.",
        other_means="The next SP boots, as after FFA_ERROR(ABORTED).",
        source="src/ffa/spmc/cpu_cycles.c:897",
        places=("successor_of_aborted",),
    ),
    Reading(
        name="boot-chain",
        default="stop",
        other="go-on",
        text="The next SP in boot order needs no initialisation on this CPU. What of those after it?",
        rule="The comment at src/ffa/spmc/cpu_cycles.c:325 says when a vCPU needs it, the one at line 314 that the "
        "normal world follows once all SPs have booted. No rule of FF-A is cited.",
        default_means="The chain stops, and the normal world runs.",
        other_means="The SP is skipped, and the chain goes on.",
        source="src/ffa/spmc/cpu_cycles.c:330, src/ffa/spmc/cpu_cycles.c:369",
        places=("sp_boot_next",),
    ),
    Reading(
        name="starting-lost",
        default="RUNNING",
        other="STARTING",
        text="A vCPU blocks or is preempted while it initialises. In which state does it go on?",
        rule="FF-A v1.3 ALP2, section 7.2, as cited by inc/hf/vcpu.h:30; the comment at inc/hf/vcpu.h:69 says that a "
        "STARTING vCPU has cycles to initialise itself.",
        default_means="It is RUNNING; only its runtime model says that it still initialises.",
        other_means="It is STARTING again.",
        source="src/vcpu.c:364, src/vcpu.c:803",
        places=("resumes_initialisation",),
    ),
    Reading(
        name="first-context",
        default="primary-cpu",
        other="any-cpu",
        text="A VM is RUNNING once an execution context has been given CPU cycles. On which CPU?",
        rule="The comments at inc/hf/vm.h:181 (at least one execution context) and src/vm.c:1300 (the first one).",
        default_means="On the primary CPU only; elsewhere the VM stays CREATED.",
        other_means="On any CPU.",
        source="src/arch/aarch64/plat/psci/spmc.c:160, src/ffa/spmc/cpu_cycles.c:338, src/api.c:1353",
        places=("counts_as_first_context",),
    ),
    Reading(
        name="created-abort",
        default="legal",
        other="illegal",
        text="May a VM go from CREATED to ABORTING?",
        rule="The comment at src/vm.c:1298 lists the valid transitions, and this one is not among them.",
        default_means="It may; the code has the transition.",
        other_means="It may not, and the CHECK of whoever tries panics.",
        source="src/vm.c:1330",
        places=("vm_set_state",),
    ),
    Reading(
        name="run-created",
        default="BUSY",
        other="starts",
        text="What does FFA_RUN do to an SP's vCPU that is CREATED?",
        rule="The comment at src/api.c:1265 says that vCPUs of SPs do not need an initial FFA_RUN. TF-A's "
        "documentation of its EL3 SPMC has CPU_ON or FFA_RUN for secondary execution contexts.",
        default_means="Nothing; the caller is told BUSY, and the SPMC starts the vCPU in its own time.",
        other_means="It starts the vCPU in the runtime model of initialisation.",
        source="src/api.c:1272, src/api.c:1358",
        places=("starts_created",),
    ),
    Reading(
        name="never-on",
        default="CREATED",
        other="OFF",
        text="In which state are an MP SP's vCPUs whose CPUs were never on?",
        rule="PSCI, section 5.7.1, as cited by the comment at src/vcpu.c:101, counts a CPU that was never turned on as "
        "off; vcpu_is_off accepts both states.",
        default_means="They are CREATED, as the one of the primary CPU before it starts.",
        other_means="They are OFF until their CPU comes up.",
        source="src/vcpu.c:77",
        places=("load_secondary",),
    ),
    Reading(
        name="primary-vm",
        default="CREATED",
        other="RUNNING",
        text="Hypervisor build: is the primary VM RUNNING once it has been given CPU cycles?",
        rule="The comments at inc/hf/vm.h:181 and src/vm.c:1300 do not make an exception of it.",
        default_means="It stays CREATED for ever.",
        other_means="It is RUNNING when its first vCPU is given cycles.",
        source="src/arch/aarch64/plat/psci/hypervisor.c:66",
        places=("hypervisor_cpu_resume",),
    ),
)
