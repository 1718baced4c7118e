"""Readings about aborts: who may abort, what is aborted, and who learns of it."""

from __future__ import annotations

from typing import Final

from model.variants.language import Reading

ABORT_READINGS: Final = (
    Reading(
        name="abort-version",
        default="every-SP",
        other="v1.3-only",
        text="Which SPs may call FFA_ABORT?",
        rule="Rule I0072 in section 7.2.4 of FF-A v1.3 ALP2, as cited by src/ffa/spmc/cpu_cycles.c:588. Upstream's "
        "later api_ffa_abort offers it to SPs of v1.3 only.",
        default_means="Every SP.",
        other_means="SPs of v1.3 (in the model: lifecycle-aware ones); for others, FFA_ABORT is NOT_SUPPORTED. A fatal "
        "fault of an S-EL0 SP aborts it all the same.",
        source="src/api.c:362",
        places=("current_is_too_old_to_abort",),
    ),
    Reading(
        name="abort-bad-args",
        default="error",
        other="aborts",
        text="An SP calls FFA_ABORT with a reserved register that is not zero. Does it abort?",
        rule="No rule is cited; the message at src/api.c:369 says that the registers must be zero.",
        default_means="It is told INVALID_PARAMETERS, and goes on.",
        other_means="It aborts all the same.",
        source="src/api.c:367",
        places=("api_ffa_abort",),
        assumes=("bad_aborts",),
    ),
    Reading(
        name="error-outside-init",
        default="NOT_SUPPORTED",
        other="aborts",
        text="What does FFA_ERROR(ABORTED) of an SP mean that does not initialise itself?",
        rule="FF-A v1.2, section 8.5, as cited by the comment at src/ffa/spmc/cpu_cycles.c:840, which says that "
        "the case is not implemented.",
        default_means="Nothing: NOT_SUPPORTED.",
        other_means="The SP aborts, as by FFA_ABORT.",
        source="src/ffa/spmc/cpu_cycles.c:880",
        places=("ffa_cpu_cycles_error_32",),
    ),
    Reading(
        name="aborted-or-stopped",
        default="ABORTED",
        other="STOPPED",
        text="A lifecycle-aware SP aborted, and its resources are reclaimed. In which state is its vCPU?",
        rule="The comment at src/arch/aarch64/hypervisor/handler.c:1148 says STOPPED; FF-A v1.3 ALP2, section 7.2, is "
        "cited by inc/hf/vcpu.h:30 for the states.",
        default_means="ABORTED: it is STOPPED for an instant only.",
        other_means="STOPPED.",
        source="src/ffa/spmc/cpu_cycles.c:897",
        places=("state_of_aborted",),
    ),
    Reading(
        name="sibling-abort",
        default="partition",
        other="vcpu",
        text="One vCPU of an MP SP aborts. What of the others?",
        rule="The comment at src/vm.c:1302 and Hafnium's SchedulerExpectations.md:78: the whole VM is aborted. The "
        "states of FF-A v1.3 ALP2, section 7.2, as cited by inc/hf/vcpu.h:30, are those of execution contexts.",
        default_means="The partition is aborted, and all of them with it.",
        other_means="Each vCPU lives its own life; the VM stays as it is.",
        source="src/arch/aarch64/hypervisor/handler.c:1131, src/ffa/spmc/cpu_cycles.c:861",
        places=("vcpu_aborts_alone",),
    ),
    Reading(
        name="sibling-when",
        default="later",
        other="at-once",
        text="One vCPU of an MP SP aborts while another executes on another CPU. When does that one stop?",
        rule="Hafnium's SchedulerExpectations.md:78 says that the whole VM aborts; when, is not said.",
        default_means="When somebody next wants it to run; until then, its calls are served.",
        other_means="At once: none of its calls is served any more.",
        source="src/arch/aarch64/hypervisor/handler.c:1131",
        places=("_is_stopped_as_sibling",),
    ),
    Reading(
        name="abort-request",
        default="normal-world",
        other="requester",
        text="An SP aborts while it serves a request of another SP. Who is told?",
        rule="The comment at src/ffa/spmc/cpu_cycles.c:894 says the normal world, and that abort actions are to come. "
        "Upstream's later abort_action_process tells the requester.",
        default_means="The normal world; the requester stays BLOCKED.",
        other_means="The requester, which goes on with FFA_ERROR(ABORTED).",
        source="src/ffa/spmc/cpu_cycles.c:897",
        places=("successor_of_aborted",),
    ),
    Reading(
        name="abort-in-interrupt",
        default="normal-world",
        other="resumes",
        text="An SP aborts while it handles a secure interrupt. Is anyone told?",
        rule="Rule I0072 in section 7.2.4 of FF-A v1.3 ALP2, as cited by src/ffa/spmc/cpu_cycles.c:713, allows the "
        "abort. Upstream's later abort_action_process resumes the vCPU that was preempted.",
        default_means="The normal world is told ABORTED, whoever was preempted.",
        other_means="Nobody; the preempted vCPU goes on.",
        source="src/ffa/spmc/cpu_cycles.c:897",
        places=("successor_of_aborted",),
    ),
    Reading(
        name="abort-mid-chain",
        default="stays",
        other="unwound",
        text="An SP aborts whose callees are BLOCKED in its call chain. What of them?",
        rule="No rule is cited; raised while modelling.",
        default_means="They stay BLOCKED, and linked to it.",
        other_means="Their requests are over: they leave the call chain, and wait.",
        source="src/ffa/spmc/cpu_cycles.c:887",
        places=("unwind_below",),
    ),
)
